# SPDX-License-Identifier: Apache-2.0
"""Recall of the walk against dense, lexical and published retrieval, with the graph built as ingest builds it.

    MEMWALK_DATA=... python benchmarks/bench_retrieval.py [SET ...] [--untitled] [--every N]

No server is needed: passages, entities and facts come from `memwalk.ingest`, vectors from `memwalk.models` (kept in
the cache, since a corpus takes minutes), and the walk graph is built from them in memory. `--untitled` takes the
titles out of passages, edges and extractions. Prints one Markdown table a set.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from memwalk.config import Settings
from memwalk.errors import InvalidArgument
from memwalk.ingest import Extraction, OpenIEFile, query_entities, read_sources
from memwalk.ingest._neighbours import EntityNeighbours
from memwalk.ingest._rows import batch_rows, cut_source, document_unit
from memwalk.models import load_embedder, load_parser
from memwalk.text import normalise_phrase
from memwalk.walk import DEFAULT_PROFILE, Edge, Node, WalkGraph, search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from memwalk.ingest._rows import BatchRows, Piece
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
        document = document_unit(source, "benchmark", "space:benchmark", openie)
        pieces += cut_source(source, document, lambda _: []).passages
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
    nodes = [
        Node(piece.id, "Passage", piece.name, piece.text, "benchmark", 1, vector)
        for piece, vector in zip(task.pieces, of_passages, strict=True)
    ]
    for units, kind, matrix in ((rows.entities, "Entity", of_entities), (rows.facts, "Fact", of_facts)):
        nodes += [Node(u.id, kind, u.name, u.text, "", 1, vector) for u, vector in zip(units, matrix, strict=True)]
    by_id = {unit.id: vector for unit, vector in zip(rows.entities, of_entities, strict=True)}
    similar = EntityNeighbours(of_entities.shape[1]).pairs(rows.entities, by_id)
    return WalkGraph.build(nodes, [*_edges(rows), *(Edge("SIMILAR_TO", a, b, score) for a, b, score in similar)])


def _edges(rows: BatchRows) -> Iterable[Edge]:
    said: dict[str, int] = {}
    for row in rows.evidence:
        said[row["id"]] = said.get(row["id"], 0) + row["count"]
    for row in rows.mentions:
        yield Edge("MENTIONS", row["source"], row["target"], row["count"])
    for row in rows.about:
        yield Edge("ABOUT", row["source"], row["target"])
    for row in rows.statements:
        yield Edge("FACT", row["subject"], row["object"], said[row["id"]], row["id"])


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
    passages = graph.slice("Passage")
    place = {piece.id: number for number, piece in enumerate(task.pieces)}
    order = np.array([place[unit_id] for unit_id in graph.ids[passages]])
    start = time.perf_counter()
    graph.adjacency(DEFAULT_PROFILE)
    lexical = graph.lexical
    prepared = time.perf_counter() - start

    def scaled(scores: NDArray[np.float64]) -> NDArray[np.float64]:
        spread = float(np.ptp(scores))
        return (scores - scores.min()) / spread if spread else scores * 0

    def dense(question: int) -> NDArray[np.float64]:
        return np.asarray(graph.vectors[passages] @ asked[question], dtype=np.float64)

    def words(question: int) -> NDArray[np.float64]:
        return lexical.scores(task.questions[question])

    def best(scores: NDArray[np.float64]) -> Iterable[int]:
        in_corpus = np.empty_like(scores)
        in_corpus[order] = scores
        return map(int, np.argsort(-in_corpus, kind="stable")[:20])

    def walk(question: int) -> Iterable[int]:
        found = search(graph, task.questions[question], asked[question], phrases[question], DEFAULT_PROFILE, 20)
        return (place[result.unit_id] for result in found)

    walk(0)
    systems: dict[str, Callable[[int], Iterable[int]]] = {
        "BM25": lambda q: best(words(q)),
        "dense": lambda q: best(dense(q)),
        "dense + 0.3 BM25": lambda q: best(scaled(dense(q)) + 0.3 * scaled(words(q))),
        f"walk ({DEFAULT_PROFILE.name} {DEFAULT_PROFILE.version})": walk,
    }
    published = folder.parent / "baselines_hipporag2" / f"{folder.name}.json"
    if titled and published.is_file():
        ranked = [query["ranked"] for query in json.loads(published.read_text(encoding="utf-8"))["queries"]]
        systems["HippoRAG 2, published code"] = lambda q: ranked[q]
    print(f"\n**{folder.name}{'' if titled else ', titles removed'}**: {len(chosen)} questions, {graph!r}")
    print(f"(built in {built:.1f} s, embedding what is not in the cache; prepared in {prepared:.1f} s)\n")
    print("| system | R@1 | R@2 | R@5 | R@10 | all@5 | ms |\n| --- " + "| ---: " * 6 + "|")
    for name, rank in systems.items():
        print(f"| {name} | {measure(task, chosen, rank)} |")


def main() -> None:
    """Run the sets asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sets", nargs="*", default=list(SETS), metavar="SET", help=f"of {', '.join(SETS)}")
    parser.add_argument("--untitled", action="store_true", help="take the titles out")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="ask every N-th question only")
    arguments = parser.parse_args()
    settings = Settings.from_environment()
    if settings.data is None:
        raise InvalidArgument("MEMWALK_DATA", "", "the folder with the evaluation data")
    for name in arguments.sets:
        run(settings.data / name, settings, titled=not arguments.untitled, every=arguments.every)


if __name__ == "__main__":
    main()
