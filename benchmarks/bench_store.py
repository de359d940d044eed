# SPDX-License-Identifier: Apache-2.0
"""What the store's guarantees cost: writing against plain Cypher that writes the same graph, and what is read back.

    python benchmarks/bench_store.py [PART ...] [--version 5.26.30] [--quick]

Starts a local Neo4j of its own in a temporary folder. Engine and baseline (`benchmarks/baseline.py`: the same nodes,
edges and properties, without audit, policy and change sequence) take turns batch by batch on the same database, so
that noise and growth meet both; the ratio is the median over the turns. Worlds whose writing is not what is measured
are filled by plain Cypher. Prints one Markdown table: ratios and counters first, clocks last.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import resource
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import baseline
import numpy as np
import psutil

from memwalk import policy
from memwalk.config import LTS, Settings
from memwalk.memory import open_memory
from memwalk.store import FOREVER, load_query
from memwalk.store.server import LocalServer
from memwalk.units import NewUnit, get_units, lineage, new_id, put_units, record_activity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import neo4j

    from memwalk.memory import Memory
    from memwalk.store import Store, Transaction

OWNER = "owner"
BATCH = 2_000
TEXT = "The bridge was paid for by the company, which had borrowed from the bank that the ironmaster owned. "


@dataclass
class Sizes:
    """How much of everything."""

    turns: int = 10
    """Batches of each writer: 10 are 20,000 units."""
    units: int = 100_000
    degree: int = 5
    dimension: int = 384
    principals: int = 1_000
    spaces: int = 200
    single: int = 150
    reads: int = 200


@dataclass
class Table:
    """Rows as they are found."""

    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, what: str, ratio: str, counters: str, clocks: str) -> None:
        """One line; also told on stderr as it is found."""
        self.rows.append((what, ratio, counters, clocks))
        print(f"{what}: {ratio}; {counters}; {clocks}", file=sys.stderr)

    def show(self) -> None:
        """Print all."""
        print("| what | ratio | counters | clocks |\n| --- | ---: | --- | --- |")
        for row in self.rows:
            print(f"| {' | '.join(row)} |")


Act = Callable[[], object]


@dataclass
class Turns:
    """What two acts took that alternated: the engine's, and the baseline's."""

    ours: list[float]
    theirs: list[float]
    cpu: tuple[float, float]
    """CPU seconds of this process and of the server together."""

    def ratio(self) -> str:
        """Median of the clocks' ratios with quartiles, and the ratio of CPU time, which other programs disturb less."""
        each = [a / b for a, b in zip(self.ours, self.theirs, strict=True)]
        low, middle, high = statistics.quantiles(each, n=4)
        return f"{middle:.2f}x ({low:.2f} to {high:.2f}); CPU {self.cpu[0] / self.cpu[1]:.2f}x"


class Bench:
    """An opened store, a plain session beside it, and where results go."""

    def __init__(self, memory: Memory, sizes: Sizes, table: Table, server: int) -> None:
        self.memory = memory
        self.store: Store = memory._session.store
        self.session: neo4j.Session = self.store._driver.session(database=self.store.database, fetch_size=5_000)
        self.sizes = sizes
        self.table = table
        self._server = psutil.Process(server)

    def plain(self, text: str, /, **parameters: Any) -> list[dict[str, Any]]:
        """Cypher of the benchmark's own, in a transaction of its own."""
        return self.session.run(text, parameters).data()

    def queries(self, act: Callable[[], object]) -> int:
        """Sessions the engine opened for something: one a read, one a write."""
        before = self.store.queries_sent
        act()
        return self.store.queries_sent - before

    def take_turns(self, ours: Act, theirs: Act, turns: int) -> Turns:
        """Alternate two acts, each first half of the time."""
        acts, times, cpu = (ours, theirs), ([], []), [0.0, 0.0]
        for turn in range(turns):
            for which in (0, 1) if turn % 2 else (1, 0):
                before = self._cpu()
                times[which].append(seconds(acts[which]))
                cpu[which] += self._cpu() - before
        return Turns(times[0], times[1], (cpu[0], cpu[1]))

    def _cpu(self) -> float:
        return time.process_time() + sum(self._server.cpu_times()[:2])

    def db_hits(self, name: str, **parameters: Any) -> int:
        """Database accesses of a named query, in a transaction that is rolled back."""
        text = load_query(name).text.replace("CYPHER 5", "CYPHER 5 PROFILE", 1)
        with self.session.begin_transaction() as tx:
            profile = tx.run(text, parameters).consume().profile
            tx.rollback()
        assert profile is not None
        return _hits(profile)


def _hits(plan: dict[str, Any]) -> int:
    return int(plan.get("dbHits", 0)) + sum(_hits(child) for child in plan.get("children", ()))


def seconds(act: Callable[[], object]) -> float:
    """How long something takes."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


# --- writing -------------------------------------------------------------------------------------------


def new_documents() -> list[NewUnit]:
    """A batch as the engine takes it."""
    return [
        NewUnit(
            new_id(),
            "Document",
            f"document {number}",
            TEXT * 3,
            space="default",
            properties={"uri": f"file:///corpus/{number}", "format": "text"},
        )
        for number in range(BATCH)
    ]


class Watched:
    """A transaction that notes how long each of its queries takes."""

    def __init__(self, tx: Transaction, spent: Counter[str]) -> None:
        self._tx = tx
        self._spent = spent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    def run(self, name: str, /, **parameters: Any) -> list[dict[str, Any]]:
        """As `Transaction.run`."""
        start = time.perf_counter()
        try:
            return self._tx.run(name, **parameters)
        finally:
            self._spent[name] += time.perf_counter() - start

    read = run


def ingest(bench: Bench, spent: Counter[str] | None = None) -> None:
    """A batch by the engine, as `memwalk add` writes units."""

    def work(tx: Transaction) -> None:
        watched: Any = tx if spent is None else Watched(tx, spent)
        start = time.perf_counter()
        put_units(watched, record_activity(watched, OWNER, "add"), new_documents())
        if spent is not None:
            spent["work"] += time.perf_counter() - start

    took = seconds(lambda: bench.store.write(work, operation="add", principal=OWNER))
    if spent is not None:
        spent["all"] += took


def ingest_plain(bench: Bench) -> None:
    """The same by the baseline."""
    baseline.write_documents(bench.session, [TEXT * 3] * BATCH, OWNER, "default", time.time_ns() // 1_000_000)


def measure_ingest(bench: Bench) -> None:
    """Units with version, provenance and space edges."""
    cold = seconds(lambda: ingest(bench)), seconds(lambda: ingest_plain(bench))
    for _ in range(3):
        ingest(bench)
        ingest_plain(bench)
    taken = bench.take_turns(lambda: ingest(bench), lambda: ingest_plain(bench), bench.sizes.turns)
    units, ours, theirs = BATCH * bench.sizes.turns, sum(taken.ours), sum(taken.theirs)
    bench.table.add(
        f"ingest, {units} units in batches of {BATCH}",
        taken.ratio(),
        "5 statements a batch (baseline 2)",
        f"{units / ours:,.0f} units/s, {3 * units / ours:,.0f} edges/s "
        f"(baseline {units / theirs:,.0f}, {3 * units / theirs:,.0f}); first batch, nothing planned: "
        f"{cold[0]:.2f} s, then the baseline's {cold[1]:.2f} s",
    )
    spent: Counter[str] = Counter()
    for _ in range(5):
        ingest(bench, spent)
    queries = {name: taken for name, taken in spent.items() if "/" in name}
    shares = {
        "Python (checks, hashes, rows)": spent["work"] - sum(queries.values()),
        **queries,
        "change record and commit": spent["all"] - spent["work"],
    }
    bench.table.add(
        "… where a batch's time goes",
        "",
        f"lock_units {bench.db_hits('units/lock_units', ids=[new_id() for _ in range(BATCH)]):,} db hits",
        ", ".join(f"{name} {1000 * taken / 5:.0f} ms" for name, taken in shares.items()),
    )


def measure_edges(bench: Bench) -> None:
    """Edges between units, a batch at a time."""
    bench.plain(
        "UNWIND range(0, 1999) AS i CREATE (:Unit:Passage {id: 'p' + i, state: 'live'}) "
        "CREATE (:Unit:Entity {id: 'e' + i, state: 'live'})"
    )
    rows = [{"source": f"p{i}", "target": f"e{i * 7 % BATCH}", "count": 1} for i in range(BATCH)]

    def ours() -> None:
        def work(tx: Transaction) -> None:
            tx.run("units/create_mentions_edges", rows=rows, at=tx.at, forever=FOREVER)
            tx.touch("p0")

        bench.store.write(work, operation="add", principal=OWNER)

    def theirs() -> None:
        baseline.write_mentions(bench.session, rows, 1)

    bench.take_turns(ours, theirs, 3)
    taken = bench.take_turns(ours, theirs, bench.sizes.turns)
    total = BATCH * bench.sizes.turns
    bench.table.add(
        f"edges, {total} in batches of {BATCH}",
        taken.ratio(),
        "3 statements a batch (baseline 1)",
        f"{total / sum(taken.ours):,.0f} edges/s (baseline {total / sum(taken.theirs):,.0f})",
    )
    bench.plain("MATCH (n:Passage|Entity) DETACH DELETE n")


def measure_single(bench: Bench) -> None:
    """What the change sequence and the audit chain cost when every write is a transaction."""

    def ours() -> None:
        unit = NewUnit(new_id(), "Document", "one", TEXT, space="default")
        bench.store.write(
            lambda tx: put_units(tx, record_activity(tx, OWNER, "add"), [unit]), operation="add", principal=OWNER
        )

    def theirs() -> None:
        baseline.write_documents(bench.session, [TEXT], OWNER, "default", time.time_ns() // 1_000_000)

    bench.take_turns(ours, theirs, 20)
    taken = bench.take_turns(ours, theirs, bench.sizes.single)
    bench.table.add(
        "one unit a transaction",
        taken.ratio(),
        "5 round trips and begin, commit (baseline 2)",
        f"{1 / statistics.median(taken.ours):.0f} tx/s (baseline {1 / statistics.median(taken.theirs):.0f})",
    )


# --- reading -------------------------------------------------------------------------------------------


def name_of(number: int) -> str:
    """The id of a unit of the world that is read."""
    return f"u{number:06}"


def fill(bench: Bench) -> None:
    """10^5 passages in spaces, with vectors and edges; principals in nested groups; grants and denials."""
    sizes = bench.sizes
    spaces = [f"s{number}" for number in range(sizes.spaces)]
    bench.plain("MATCH (n:Unit|Version|Activity|Change) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 20000 ROWS")
    bench.plain("MATCH (c:Counter) SET c.seq = 0, c.hash = ''")
    for index in ("passage_vector", "unit_text"):  # not what is measured, and filling them takes minutes
        bench.plain(f"DROP INDEX {index}")
    for space in spaces:
        policy.create_space(bench.store, OWNER, space)
    chance = np.random.default_rng(20261122)
    vectors = chance.standard_normal((sizes.units, sizes.dimension), dtype=np.float32)
    for begin in range(0, sizes.units, 5_000):
        rows = [
            {"id": name_of(number), "space": spaces[number % len(spaces)], "vector": vectors[number].tolist()}
            for number in range(begin, min(begin + 5_000, sizes.units))
        ]
        bench.plain(
            "UNWIND $rows AS row CREATE (u:Unit:Passage {id: row.id, space: row.space, seq: 1, state: 'live', "
            "name: 'name', text: $text, policy_class: 'space:' + row.space, right: 'space:' + row.space})"
            "-[:HEAD]->(:Version {unit_id: row.id, seq: 1, kind: 'Passage', state: 'live', name: 'name', text: $text, "
            "policy_class: 'space:' + row.space, ordinal: 0, start: 0, end: 1, content_hash: '', tx_from: 1, "
            "tx_to: $forever}) "
            "WITH u, row CALL db.create.setNodeVectorProperty(u, 'vector', row.vector)",
            rows=rows,
            text=TEXT,
            forever=FOREVER,
        )
    entities = sizes.units // 10
    bench.plain(
        "UNWIND range(0, $last) AS i CREATE (:Unit:Entity {id: 'e' + i, name: 'e' + i, state: 'live'})",
        last=entities - 1,
    )
    for begin in range(0, sizes.units, 5_000):
        bench.plain(
            "UNWIND $rows AS row MATCH (u:Unit {id: row.id}) UNWIND row.targets AS target "
            "MATCH (e:Unit {id: target}) CREATE (u)-[:MENTIONS {count: 1, tx_from: 1, tx_to: $forever}]->(e)",
            rows=[
                {"id": name_of(n), "targets": [f"e{(n * 31 + j * 977) % entities}" for j in range(sizes.degree)]}
                for n in range(begin, min(begin + 5_000, sizes.units))
            ],
            forever=FOREVER,
        )
    fill_principals(bench, spaces)


def fill_principals(bench: Bench, spaces: Sequence[str]) -> None:
    """Groups of groups of users, and a grant or a denial for each."""
    count = bench.sizes.principals
    bench.plain(
        "UNWIND range(0, $last) AS i CREATE (:Principal {id: 'q' + i, name: 'q' + i, kind: 'group', created_at: 1})",
        last=count - 1,
    )
    bench.plain(  # a tree of groups, four below each
        "UNWIND range(1, $last) AS i MATCH (p:Principal {id: 'q' + i}) MATCH (g:Principal {id: 'q' + ((i - 1) / 4)}) "
        "CREATE (p)-[:MEMBER_OF]->(g)",
        last=count - 1,
    )
    chance = np.random.default_rng(4)
    rows = [
        {"who": f"q{number}", "space": str(chance.choice(spaces)), "denied": bool(chance.random() < 0.05)}
        for number in range(count)
    ]
    rows += [{"who": f"q{count - 1}", "space": space, "denied": False} for space in spaces[: len(spaces) * 2 // 3]]
    for kind, text in (
        (False, "CREATE (p)-[:GRANTED {role: 'reader', from: 0, until: $forever}]->(s)"),
        (True, "CREATE (p)-[:DENIED {role: 'reader', from: 0, until: $forever}]->(s)"),
    ):
        bench.plain(
            f"UNWIND $rows AS row MATCH (p:Principal {{id: row.who}}) MATCH (s:Space {{id: row.space}}) {text}",
            rows=[row for row in rows if row["denied"] == kind],
            forever=FOREVER,
        )


def measure_point_read(bench: Bench) -> None:
    """A unit by its id, through what people call, and by a plain read of its head."""
    ids = (name_of(number) for number in itertools.cycle(range(0, bench.sizes.units, 7)))
    classes = policy.readable_classes(bench.store, OWNER)

    def shown() -> None:
        bench.memory.show(next(ids))

    def known() -> None:
        get_units(bench.store, classes, [next(ids)])

    def plain() -> None:
        bench.session.execute_read(lambda tx: tx.run(baseline.POINT, id=next(ids)).data())

    hits = bench.db_hits("units/get_units", ids=[next(ids)], **_get_units_parameters(classes))
    sent = bench.queries(shown)
    for what, act, counters in (
        ("point read, readable classes known", known, f"1 query, {hits:,} db hits"),
        ("point read, `Memory.show`", shown, f"{sent} queries, 1 record in the log of reads"),
    ):
        bench.take_turns(act, plain, bench.sizes.reads // 4)
        taken = bench.take_turns(act, plain, bench.sizes.reads)
        clocks = 1000 * statistics.median(taken.ours), 1000 * statistics.median(taken.theirs)
        bench.table.add(what, taken.ratio(), counters, f"{clocks[0]:.1f} ms (plain {clocks[1]:.1f})")


def measure_lineage(bench: Bench) -> None:
    """What a summary of a summary … of a passage is made of, ten deep; each made from the one before and a passage."""
    depth = 10
    below = NewUnit(new_id(), "Passage", "source", TEXT, space="default", properties={"ordinal": 0})
    chain = [below]
    for level in range(depth):
        side = NewUnit(new_id(), "Passage", f"side {level}", TEXT, space="default", properties={"ordinal": level})
        sources = ((chain[-1].id, 1), (side.id, 1))
        chain.append(NewUnit(new_id(), "Summary", f"level {level}", TEXT, "default", derived_from=sources))
        batch = [side, chain[-1]] if level else [below, side, chain[-1]]
        for one in ([unit for unit in batch if unit.kind == "Passage"], batch[-1:]):
            bench.store.write(
                lambda tx, one=one: put_units(tx, record_activity(tx, OWNER, "add"), one),
                operation="add",
                principal=OWNER,
            )
    classes = policy.readable_classes(bench.store, OWNER)
    found: list[Any] = []

    def ours() -> None:
        found.append(lineage(bench.store, classes, chain[-1].id, direction="up", depth=depth))

    def theirs() -> None:
        bench.plain(baseline.LINEAGE, id=chain[-1].id)

    sent = bench.queries(ours)
    bench.take_turns(ours, theirs, 10)
    taken = bench.take_turns(ours, theirs, max(20, bench.sizes.reads // 4))
    assert len(found[-1].nodes) == 2 * depth + 1
    bench.table.add(
        f"lineage, {depth} deep",
        taken.ratio(),
        f"{sent} queries, {len(found[-1].nodes)} versions, {len(found[-1].edges)} edges (plain: 1 query, no rights)",
        f"{1000 * statistics.median(taken.ours):.1f} ms (plain {1000 * statistics.median(taken.theirs):.1f})",
    )


def _get_units_parameters(classes: list[str]) -> dict[str, Any]:
    known = {"classes": classes, "forever": FOREVER, "states": ["live"], "valid_at": None}
    return {name: value for name, value in known.items() if name in load_query("units/get_units").parameters}


def measure_readable(bench: Bench) -> None:
    """Which of 10^5 units a principal may read: by classes, as a set of units, and as a mask."""
    who = f"q{bench.sizes.principals - 1}"
    rows = bench.plain("MATCH (u:Passage) RETURN u.id AS id, u.policy_class AS class ORDER BY id")
    classes = sorted({row["class"] for row in rows})
    number = {key: place for place, key in enumerate(classes)}
    of_unit = np.array([number[row["class"]] for row in rows])
    ids = np.array([row["id"] for row in rows])
    masks: list[Any] = []

    def as_classes() -> None:
        policy.readable_classes(bench.store, who)

    def as_mask() -> None:
        masks.append(policy.readable_mask(bench.store, who, classes)[of_unit])

    def as_set() -> None:
        masks.append(frozenset(ids[policy.readable_mask(bench.store, who, classes)[of_unit]].tolist()))

    hits = bench.db_hits("policy/list_readable_classes", principal=who, at=policy.now())
    for what, act in (("classes", as_classes), ("mask of units", as_mask), ("set of units", as_set)):
        for _ in range(5):
            act()
        times = [seconds(act) for _ in range(30)]
        readable = sum(masks[-1]) if what == "mask of units" else len(masks[-1]) if masks else 0
        bench.table.add(
            f"readable, as {what}",
            "",
            f"1 query, {hits:,} db hits for {bench.sizes.principals:,} grants and {len(classes)} classes"
            + (f"; {readable:,} of {len(rows):,} units" if readable else ""),
            f"{1000 * statistics.median(times):.1f} ms",
        )


def measure_streaming(bench: Bench) -> None:
    """Passages with their vectors, and edges as adjacency lists; what the client's memory grows by."""
    size = bench.sizes
    ids = [row["id"] for row in bench.store.stream("walk/stream_ids")]

    def passages() -> Iterator[dict[str, Any]]:
        """As the walk graph reads them: by pages of ids, with vectors and edges at once."""
        for start in range(0, len(ids), 1_000):
            yield from bench.store.read("walk/get_passages", ids=ids[start : start + 1_000], forever=FOREVER)

    def vectors() -> int:
        total = 0
        for row in passages():
            total += len(np.asarray(row["vector"], dtype=np.float32))
        return total

    def edges() -> int:
        return sum(len(row["mentions"]) for row in passages())

    plain_edges = "CYPHER 5 MATCH (p:Passage) RETURN p.id AS id, [(p)-[:MENTIONS]->(e) | e.id] AS targets"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert vectors() == size.units * size.dimension
    assert edges() == size.units * size.degree
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    clock = seconds(vectors)
    pages = -(-len(ids) // 1_000)
    bench.table.add(
        f"read {size.units:,} units, {size.dimension} floats each, by pages",
        "",
        f"{pages} queries, {size.units:,} rows with all that they evidence; the client grew by {grown:.0f} MiB "
        f"(vectors alone are {size.units * size.dimension * 4 >> 20})",
        f"{size.units / clock:,.0f} units/s",
    )
    count = size.units * size.degree
    taken = bench.take_turns(edges, lambda: [len(r["targets"]) for r in bench.session.run(plain_edges)], 3)
    clocks = statistics.median(taken.ours), statistics.median(taken.theirs)
    bench.table.add(
        f"read {count:,} edges, as adjacency lists, with their units",
        taken.ratio(),
        f"{pages} queries, {size.units:,} rows; the baseline is 1, reads nothing else and does not filter by time",
        f"{count / clocks[0]:,.0f} edges/s (baseline {count / clocks[1]:,.0f})",
    )


@dataclass(frozen=True)
class Part:
    """Something to measure; `reads`: in the large world."""

    measure: Callable[[Bench], None]
    reads: bool


PARTS = {
    "ingest": Part(measure_ingest, reads=False),
    "edges": Part(measure_edges, reads=False),
    "single": Part(measure_single, reads=False),
    "point": Part(measure_point_read, reads=True),
    "readable": Part(measure_readable, reads=True),
    "streaming": Part(measure_streaming, reads=True),
    "lineage": Part(measure_lineage, reads=True),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--version", default=LTS, help="of the Neo4j to start")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, to see that it runs")
    arguments = parser.parse_args()
    logging.getLogger("neo4j").setLevel(logging.ERROR)
    sizes = Sizes(2, 10_000, 5, 384, 100, 20, 20, 20) if arguments.quick else Sizes()
    settings = Settings.from_environment()
    settings = replace(settings, server=replace(settings.server, version=arguments.version, idle_seconds=60.0))
    table = Table()
    filled = 0.0
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "store"
        try:
            with open_memory(directory, principal=OWNER, settings=settings) as memory:
                status = LocalServer(directory, settings.server, settings.cache_directory()).status()
                assert status is not None
                bench = Bench(memory, sizes, table, status.pid)
                for name in arguments.parts:
                    if PARTS[name].reads and not filled:
                        filled = seconds(lambda: fill(bench))
                        print(f"(filling took {filled:.0f} s)", file=sys.stderr)
                    taken = seconds(lambda name=name: PARTS[name].measure(bench))
                    print(f"({name} took {taken:.0f} s)", file=sys.stderr)
                bench.session.close()
        finally:
            LocalServer(directory, settings.server, settings.cache_directory()).stop()
    print(f"\nNeo4j {arguments.version}, Python {sys.version.split()[0]}\n")
    table.show()


if __name__ == "__main__":
    main()
