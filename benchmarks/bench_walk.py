# SPDX-License-Identifier: Apache-2.0
"""What a walk costs, by counters and by clock, on synthetic graphs of growing size; no server, no model.

    python benchmarks/bench_walk.py [NODES ...] [--queries N]

For each size: entries touched, nodes touched, levels and mass missed of forward push at the default accuracy; its
time with and without policy; igraph's prpack and sweeps on the same seeds; agreement of the best 20 passages with
prpack's; what it takes to catch up after one added document; the steps of one search, with names for seeds; and
the same of a graph with hubs among the seeds. Prints Markdown tables. Times are medians of one
process on one thread: read ratios.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from walk_graphs import HUBS, best_nodes, class_names, hubs, queries, shaped, synthetic

from memwalk.walk import (
    DEFAULT_PROFILE,
    Adjacency,
    Changes,
    Entity,
    ReadableGraph,
    Reading,
    WalkGraph,
    find_seeds,
    strongest_path,
    walk,
)
from memwalk.walk._readable import Best

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PUSH = replace(DEFAULT_PROFILE, sweep_share=float("inf"))
EXACT = replace(DEFAULT_PROFILE, engine="prpack")
LARGEST_EXACT = 1_000_000
DEPTH = 20
WANTED = Best(DEPTH, ("Passage",), (1 - PUSH.damping) * (1 - PUSH.echo))


def clocked(work: Callable[[], object]) -> float:
    """Milliseconds it takes."""
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def pushes(graph: ReadableGraph, asked: Sequence[Mapping[int, float]]) -> tuple[list[str], float]:
    """Cells of a table, and the median time."""
    graph.push(asked[0], PUSH, WANTED)
    found = [graph.push(seeds, PUSH, WANTED) for seeds in asked]
    times = [clocked(lambda seeds=seeds: graph.push(seeds, PUSH, WANTED)) for seeds in asked]  # type: ignore[misc]  # bound now
    edges = sorted(one.edges for one in found)
    median = statistics.median(times)
    cells = [
        f"{statistics.median(edges):,.0f}",
        f"{edges[int(0.99 * (len(edges) - 1))]:,}",
        f"{statistics.median(len(one.nodes) for one in found):,.0f}",
        f"{statistics.median(one.levels for one in found):.0f}",
        f"{statistics.median(one.missed for one in found):.3f}",
        f"{median:.2f}",
        f"{sorted(times)[int(0.99 * (len(times) - 1))]:.2f}",
    ]
    return cells, median


def agreement(graph: ReadableGraph, asked: Sequence[Mapping[int, float]]) -> tuple[int, float]:
    """For how many queries push and prpack have the same best passages; median ms of prpack."""
    same, times = 0, []
    for seeds in asked:
        start = time.perf_counter()
        exact = walk(graph, seeds, EXACT).mass
        times.append(1000 * (time.perf_counter() - start))
        same += best_nodes(graph, exact, seeds, WANTED) == best_nodes(
            graph, walk(graph, seeds, PUSH, WANTED).mass, seeds, WANTED
        )
    return same, statistics.median(times)


def steps(graph: ReadableGraph, asked: Sequence[Mapping[int, float]]) -> list[float]:
    """Median ms of the steps of a search: seeds, push, deciding, ranking, the graph that was walked, 20 paths."""
    nodes = graph.graph.nodes
    alone = replace(PUSH, entries=0)
    rows = []
    for seeds in asked:
        names = [nodes.id(node) for node in seeds]
        found = graph.push(seeds, PUSH, WANTED)
        mass = dict(zip(found.nodes.tolist(), found.mass.tolist(), strict=True))
        near = sorted({*found.nodes[found.walked].tolist(), *seeds})
        best = sorted(best_nodes(graph, mass, seeds, WANTED) & set(near))
        place = {node: i for i, node in enumerate(near)}
        reset = np.array([seeds.get(node, 0.0) for node in near])
        parts: list[Adjacency] = []
        rows.append(
            [
                clocked(lambda names=names: find_seeds(graph, " ".join(names), None, names, PUSH)),  # type: ignore[misc]  # bound now
                push := clocked(lambda seeds=seeds: graph.push(seeds, alone, WANTED)),  # type: ignore[misc]
                clocked(lambda seeds=seeds: graph.push(seeds, PUSH, WANTED)) - push,  # type: ignore[misc]
                clocked(lambda mass=mass, seeds=seeds: best_nodes(graph, mass, seeds, WANTED)),  # type: ignore[misc]
                clocked(lambda near=near, parts=parts: parts.append(graph.part(near, PUSH)[0])),  # type: ignore[misc]
                clocked(
                    lambda best=best, parts=parts, reset=reset, place=place: [  # type: ignore[misc]
                        strongest_path(parts[0], reset, PUSH.damping, place[node]) for node in best
                    ]
                ),
            ]
        )
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def caught_up(graph: WalkGraph) -> tuple[float, int, int]:
    """Ms, segments and entries for one more document of five passages, each with ten mentions, five of them new."""
    random = np.random.default_rng(3)
    old = [graph.nodes.id(int(node)) for node in random.integers(0, 1_000, 25)]
    readings, entities = [], []
    for place in range(5):
        new = [f"new-{place}-{i}" for i in range(5)]
        entities += [Entity(unit, 1, None) for unit in new]
        beside = [f"added-{other}" for other in (place - 1, place + 1) if 0 <= other < 5]
        mentions = [*new, *old[5 * place : 5 * place + 5]]
        text = "one more document " * 20
        readings.append(
            Reading(f"added-{place}", "Passage", "work", class_names()[0], 1, text, None, mentions, new[:1], (), beside)
        )
    before = graph.overlay.segments, graph.overlay.entries
    ms = clocked(lambda: graph.apply(Changes(readings, entities), 1))
    return ms, graph.overlay.segments - before[0], graph.overlay.entries - before[1]


def with_hubs(count: int) -> str:
    """What push finds where hubs are among the seeds, in words."""
    graph = shaped(HUBS)
    readable = ReadableGraph(graph, class_names())
    asked = queries(graph, count, always=hubs(HUBS))
    found = [readable.push(seeds, PUSH, WANTED) for seeds in asked]
    few = asked[: max(5, count // 4)]
    same, ms = agreement(readable, few)
    edges = sorted(one.edges for one in found)
    return (
        f"{graph!r}, {len(HUBS.hubs)} hubs among the seeds of each query, the largest with "
        f"{np.bincount(graph.base.target).max():,} entries: {statistics.median(edges):,.0f} entries touched in the "
        f"median, {edges[int(0.99 * (len(edges) - 1))]:,} in 99 %, {sum(one.swept for one in found)} sweeps, mass "
        f"missed {statistics.median(one.missed for one in found):.3f}; best {DEPTH} as prpack's in {same} of "
        f"{len(few)} (prpack {ms:.0f} ms)"
    )


def run(nodes: int, count: int) -> tuple[list[str], list[str], list[str]]:
    """Rows of the three tables for one size."""
    start = time.perf_counter()
    graph = synthetic(nodes)
    built = time.perf_counter() - start
    everything = ReadableGraph(graph, class_names())
    half = ReadableGraph(graph, class_names()[::2])
    asked = queries(graph, count)
    seen = [{node: share for node, share in seeds.items() if graph.can_see(node, half.mask)} for seeds in asked]
    seen = [{node: share / sum(seeds.values()) for node, share in seeds.items()} for seeds in seen]
    cells, open_ms = pushes(everything, asked)
    half_cells, half_ms = pushes(half, seen)
    kept, masked_ms = pushes(ReadableGraph(graph, class_names()), asked)
    del kept
    degree = int(np.bincount(graph.base.target, minlength=graph.nodes.count).max())
    rows = [
        f"| {graph.nodes.count:,} | {len(graph.base.target):,} | {degree:,} | all | {' | '.join(cells)} |",
        f"| | | | half | {' | '.join(half_cells)} |",
    ]
    exact = "- | -"
    if nodes <= LARGEST_EXACT:
        few = asked[: max(5, count // 4)]
        same, ms = agreement(everything, few)
        exact = f"{same} of {len(few)} | {ms:.1f}"
    step = f"| {graph.nodes.count:,} | " + " | ".join(f"{ms:.2f}" for ms in steps(everything, asked[:20])) + " |"
    ms, segments, entries = caught_up(graph)
    other = (
        f"| {graph.nodes.count:,} | {built:.1f} | {half_ms / open_ms:.2f} | {masked_ms / open_ms:.2f} | {exact} "
        f"| {ms:.2f} | {segments} | {entries} |"
    )
    return rows, [other], [step]


def main() -> None:
    """Run the sizes asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("nodes", nargs="*", type=int, default=[100_000, 1_000_000], metavar="NODES")
    parser.add_argument("--queries", type=int, default=200, metavar="N")
    arguments = parser.parse_args()
    tables: tuple[list[str], list[str], list[str]] = [], [], []
    for nodes in arguments.nodes:
        for i, rows in enumerate(run(nodes, arguments.queries)):
            tables[i].extend(rows)
    print(
        "\n| nodes | entries | largest degree | may read | entries touched | p99 "
        "| nodes touched | levels | missed | ms | p99 |"
    )
    print("| ---: " * 3 + "| --- " + "| ---: " * 7 + "|")
    print("\n".join(tables[0]))
    print(
        "\n| nodes | built, s | time half : all | again : all | best 20 as exact | prpack ms "
        "| catch up ms | segments | entries |"
    )
    print("| ---: " * 9 + "|")
    print("\n".join(tables[1]))
    print("\nMilliseconds of a search by step:\n")
    print("| nodes | seeds by names | push | deciding | ranking | graph walked | 20 paths |\n" + "| ---: " * 7 + "|")
    print("\n".join(tables[2]))
    print("\n" + with_hubs(arguments.queries))


if __name__ == "__main__":
    main()
