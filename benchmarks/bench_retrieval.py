# SPDX-License-Identifier: Apache-2.0
"""Recall of the walk against dense, lexical and published retrieval, with the graph built as ingest builds it.

    MEMWALK_DATA=... python benchmarks/bench_retrieval.py [SET ...] [--untitled] [--every N]
    MEMWALK_DATA=... python benchmarks/bench_retrieval.py SET --store DIR

With `--store` the set is searched in a store to which `memwalk add` has added it. Otherwise no server is needed:
passages, entities and facts come from `memwalk.ingest`, vectors from `memwalk.models` (kept in the cache, since a
corpus takes minutes), and the walk graph is built from them in memory. `--untitled` takes the titles out of passages,
edges and extractions. Prints one Markdown table a set.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from walk_graphs import best_nodes

import memwalk
from memwalk.config import Settings
from memwalk.errors import InvalidArgument
from memwalk.ingest import Extraction, OpenIEFile, query_entities, read_sources
from memwalk.ingest._neighbours import EntityNeighbours
from memwalk.ingest._rows import batch_rows, cut_source, document_unit
from memwalk.models import load_embedder, load_parser
from memwalk.text import normalise_phrase
from memwalk.walk import (
    DEFAULT_PROFILE,
    Changes,
    Entity,
    Fact,
    ReadableGraph,
    Reading,
    WalkGraph,
    find_seeds,
    search,
)
from memwalk.walk import walk as walk_from
from memwalk.walk._readable import Best

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from memwalk.ingest._rows import Piece
    from memwalk.models import Embedder

SETS = {
    "musique_train100": ("queries.json", "openie_gpt-3.5-turbo-1106.json"),
    "2wikimultihopqa": ("gold_titles_derived.json", "openie_spacy.json"),
}
DEPTHS = (1, 2, 5, 10)


@dataclass(frozen=True)
class Task:
    """A corpus as pieces and extractions, and questions with the positions of their gold passages."""

    pieces: list[Piece]
    extractions: list[Extraction]
    questions: list[str]
    gold: list[set[int]]
    first: list[int]
    """For each passage the first one identical to it: two identical passages count as one."""


def load_task(folder: Path, *, titled: bool) -> Task:
    """Read a set."""
    questions_file, openie = SETS[folder.name]
    pieces: list[Piece] = []
    for source in read_sources(folder / "corpus.json"):
        if isinstance(source, Exception):
            raise source
        document = document_unit(source, "benchmark", openie)
        pieces += cut_source(source, document, lambda _: [])
    seen: dict[str, int] = {}
    first = [seen.setdefault(piece.embedded, place) for place, piece in enumerate(pieces)]
    by_title = {piece.name: place for place, piece in reversed(list(enumerate(pieces)))}
    rows = json.loads((folder / questions_file).read_text(encoding="utf-8"))
    if "paragraphs" in rows[0]:
        asked = [[p for p in row["paragraphs"] if p["is_supporting"]] for row in rows]
        gold = [{seen[f"{p['title']}\n{p['paragraph_text']}"] for p in row} for row in asked]
    else:
        gold = [{by_title[title] for title in row["gold_titles"]} for row in rows]
    extractions = OpenIEFile(folder / openie).extract([(piece.name, piece.text) for piece in pieces])
    if not titled:
        extractions = [_in_text(e, piece.text) for e, piece in zip(extractions, pieces, strict=True)]
        pieces = [replace(piece, name="") for piece in pieces]
    return Task(pieces, extractions, [row["question"] for row in rows], gold, first)


def _in_text(extraction: Extraction, text: str) -> Extraction:
    """What an extraction holds that stands in the text itself, not in its title alone."""
    said = f" {normalise_phrase(text)} "

    def stands(phrase: str) -> bool:
        return f" {normalise_phrase(phrase)} " in said

    return Extraction(
        tuple(e for e in extraction.entities if stands(e)),
        tuple(t for t in extraction.triples if stands(t.subject) and stands(t.object)),
    )


class Vectors:
    """An embedder that keeps what it made in a folder."""

    def __init__(self, embedder: Embedder, folder: Path) -> None:
        self._embedder = embedder
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of texts (float32 [texts, dimension])."""
        key = hashlib.sha256(json.dumps([self._embedder.fingerprint, *texts]).encode()).hexdigest()
        path = self._folder / f"{key[:32]}.npy"
        if not path.exists():
            start = time.perf_counter()
            np.save(path, self._embedder.encode(list(texts)))
            print(f"embedded {len(texts)} texts in {time.perf_counter() - start:.0f} s", file=sys.stderr)
        return np.load(path, allow_pickle=False)  # type: ignore[no-any-return]  # float32, as saved


def build_graph(task: Task, vectors: Vectors) -> WalkGraph:
    """The walk graph that `memwalk add` and `load_walk_graph` would give."""
    rows = batch_rows(task.pieces, {p.id: e for p, e in zip(task.pieces, task.extractions, strict=True)})
    of_passages = vectors([piece.embedded for piece in task.pieces])
    of_entities = vectors([unit.name for unit in rows.entities])
    of_facts = vectors([unit.name for unit in rows.facts])
    by_id = {unit.id: vector for unit, vector in zip(rows.entities, of_entities, strict=True)}
    similar: dict[str, list[tuple[str, float]]] = {}
    for a, b, score in EntityNeighbours(of_entities.shape[1]).pairs(rows.entities, by_id):
        similar.setdefault(a, []).append((b, score))
        similar.setdefault(b, []).append((a, score))
    ends = {row["id"]: (row["subject"], row["object"]) for row in rows.statements}
    mentions, about, states = (
        _by_passage(part) for part in (rows.mentions, rows.about, [r for r in rows.evidence if r["id"] in ends])
    )
    return WalkGraph.build(
        Changes(
            readings=[
                Reading(
                    id=piece.id,
                    kind="Passage",
                    space="benchmark",
                    policy="benchmark",
                    seq=1,
                    text=f"{piece.name}\n{piece.text}",
                    vector=vector,
                    mentions=[row["target"] for row in mentions.get(piece.id, ())],
                    about=[row["target"] for row in about.get(piece.id, ())],
                    states=[(row["id"], row["count"]) for row in states.get(piece.id, ())],
                )
                for piece, vector in zip(task.pieces, of_passages, strict=True)
            ],
            entities=[
                Entity(unit.id, 1, vector, similar.get(unit.id, ()))
                for unit, vector in zip(rows.entities, of_entities, strict=True)
            ],
            facts=[Fact(unit.id, 1, vector, *ends[unit.id]) for unit, vector in zip(rows.facts, of_facts, strict=True)],
        )
    )


def _by_passage(rows: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["source"], []).append(row)
    return found


def measure(task: Task, chosen: Sequence[int], rank: Callable[[int], Iterable[int]]) -> str:
    """Cells of a table: recall at each depth, all gold at 5, median ms a query."""
    recall: dict[int, list[float]] = {depth: [] for depth in DEPTHS}
    complete, seconds = [], []
    for question in chosen:
        start = time.perf_counter()
        ranking = list(dict.fromkeys(task.first[place] for place in rank(question)))
        seconds.append(time.perf_counter() - start)
        gold = task.gold[question]
        for depth in DEPTHS:
            recall[depth].append(len(gold.intersection(ranking[:depth])) / len(gold))
        complete.append(gold <= set(ranking[:5]))
    cells = [100 * statistics.mean(recall[depth]) for depth in DEPTHS] + [100 * statistics.mean(complete)]
    return " | ".join([*(f"{cell:.1f}" for cell in cells), f"{1000 * statistics.median(seconds):.1f}"])


def run(folder: Path, settings: Settings, *, titled: bool, every: int) -> None:
    """Measure one set and print its table."""
    cache = settings.cache_directory()
    vectors = Vectors(load_embedder(settings.models, cache), cache / "benchmarks")
    task = load_task(folder, titled=titled)
    start = time.perf_counter()
    graph = build_graph(task, vectors)
    built = time.perf_counter() - start
    asked = vectors(task.questions)
    parser = load_parser(settings.models, cache)
    chosen = range(0, len(task.questions), every)
    phrases = {question: query_entities(parser, task.questions[question]) for question in chosen}
    readable = ReadableGraph(graph, ["benchmark"])
    place = {piece.id: number for number, piece in enumerate(task.pieces)}

    def here(ranked: Sequence[tuple[int, float]]) -> dict[int, float]:
        return {place[graph.nodes.id(node)]: score for node, score in ranked}

    def scaled(scores: dict[int, float]) -> dict[int, float]:
        low, high = min(scores.values(), default=0), max(scores.values(), default=0)
        return {node: (score - low) / (high - low) if high > low else 0.0 for node, score in scores.items()}

    def dense(question: int) -> dict[int, float]:
        return here(readable.nearest(asked[question], ("Passage",), len(place)))

    def words(question: int) -> dict[int, float]:
        return here(readable.words(task.questions[question], len(place)))

    def both(question: int) -> dict[int, float]:
        lexical = scaled(dict.fromkeys(place.values(), 0.0) | words(question))
        return {number: score + 0.3 * lexical[number] for number, score in scaled(dense(question)).items()}

    def best(scores: dict[int, float]) -> Iterable[int]:
        return sorted(scores, key=lambda number: (-scores[number], number))[:20]

    def walk(question: int) -> Iterable[int]:
        found = search(readable, task.questions[question], asked[question], phrases[question], DEFAULT_PROFILE, 20)
        return (place[result.unit_id] for result in found)

    walk(0)
    systems: dict[str, Callable[[int], Iterable[int]]] = {
        "BM25": lambda q: best(words(q)),
        "dense": lambda q: best(dense(q)),
        "dense + 0.3 BM25": lambda q: best(both(q)),
        f"walk ({DEFAULT_PROFILE.name} {DEFAULT_PROFILE.version})": walk,
    }
    published = folder.parent / "baselines_hipporag2" / f"{folder.name}.json"
    if titled and published.is_file():
        ranked = [query["ranked"] for query in json.loads(published.read_text(encoding="utf-8"))["queries"]]
        systems["HippoRAG 2, published code"] = lambda q: ranked[q]
    print(f"\n**{folder.name}{'' if titled else ', titles removed'}**: {len(chosen)} questions, {graph!r}")
    print(f"(built in {built:.1f} s, embedding what is not in the cache)\n")
    print("| system | R@1 | R@2 | R@5 | R@10 | all@5 | ms |\n| --- " + "| ---: " * 6 + "|")
    for name, rank in systems.items():
        print(f"| {name} | {measure(task, chosen, rank)} |")
    asked_of = {q: find_seeds(readable, task.questions[q], asked[q], phrases[q], DEFAULT_PROFILE) for q in chosen}
    compare(readable, [seeds.mass for seeds in asked_of.values() if seeds.mass])


def run_store(store: str, folder: Path, settings: Settings, *, every: int) -> None:
    """Measure one set in a store and print its table: as a user searches, the embedding of the query included."""
    task = load_task(folder, titled=True)
    first = {(piece.name, piece.text): place for place, piece in reversed(list(enumerate(task.pieces)))}
    chosen = range(0, len(task.questions), every)
    with memwalk.open(store, settings=settings) as memory:
        units = memory.to_frames().units.query("kind == 'Passage'")
        place = {
            unit: first[name, text] for unit, name, text in zip(units.index, units["name"], units["text"], strict=True)
        }
        session = memory._session

        def dense(question: int) -> Iterable[int]:
            vector = session.check_embedder().encode([task.questions[question]])[0]
            with session.walk_graph() as graph:
                readable = ReadableGraph(graph, session.readable_classes(memory.principal))
                return [place[graph.nodes.id(node)] for node, _ in readable.nearest(vector, ("Passage",), 20)]

        def walk(question: int) -> Iterable[int]:
            return [place[result.unit_id] for result in memory.search(task.questions[question], limit=20)]

        walk(0)
        with session.walk_graph() as graph:
            print(f"\n**{folder.name}**, from a store: {len(chosen)} questions, {graph!r}\n")
        print("| system | R@1 | R@2 | R@5 | R@10 | all@5 | ms |\n| --- " + "| ---: " * 6 + "|")
        print(f"| dense | {measure(task, chosen, dense)} |")
        print(f"| walk ({DEFAULT_PROFILE.name} {DEFAULT_PROFILE.version}) | {measure(task, chosen, walk)} |")


def compare(graph: ReadableGraph, asked: Sequence[dict[int, float]]) -> None:
    """Say how far push, without sweeps, finds the best 20 passages of the exact engine, and at what cost."""
    push = replace(DEFAULT_PROFILE, sweep_share=float("inf"))
    wanted = Best(20, ("Passage",), (1 - push.damping) * (1 - push.echo))
    walks = [walk_from(graph, seeds, push, wanted) for seeds in asked]
    exact = [walk_from(graph, seeds, replace(push, engine="prpack")) for seeds in asked]
    same = [
        best_nodes(graph, a.mass, s, wanted) == best_nodes(graph, b.mass, s, wanted)
        for a, b, s in zip(walks, exact, asked, strict=True)
    ]
    edges = sorted(walk.edges for walk in walks)
    missed = statistics.median(walk.missed for walk in walks)
    print(
        f"\nPush, forced, at eps {push.eps}: best {wanted.many} as prpack's in {sum(same)} of {len(same)} queries, "
        f"{sum(walk.swept for walk in walks)} sweeps; entries touched {statistics.median(edges):,.0f} in the median, "
        f"at most {edges[-1]:,}; mass missed {missed:.3f}; undecided {sum(not walk.decided for walk in walks)}; "
        f"not the same: {[place for place, is_same in enumerate(same) if not is_same]}"
    )


def main() -> None:
    """Run the sets asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sets", nargs="*", default=list(SETS), metavar="SET", help=f"of {', '.join(SETS)}")
    parser.add_argument("--untitled", action="store_true", help="take the titles out")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="ask every N-th question only")
    parser.add_argument("--store", metavar="DIR|URI", help="search the set in this store, to which it was added")
    arguments = parser.parse_args()
    settings = Settings.from_environment()
    if settings.data is None:
        raise InvalidArgument("MEMWALK_DATA", "", "the folder with the evaluation data")
    for name in arguments.sets:
        if arguments.store:
            run_store(arguments.store, settings.data / name, settings, every=arguments.every)
            continue
        run(settings.data / name, settings, titled=not arguments.untitled, every=arguments.every)


if __name__ == "__main__":
    main()
