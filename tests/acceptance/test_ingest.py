# SPDX-License-Identifier: Apache-2.0
"""Adding files for real: again, changed, with OpenIE, with what cannot be read."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from memwalk.errors import NotFound, NotPermitted, SourceNotFound

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.memory import Memory

ADA = "# Ada Lovelace\n\nAda Lovelace wrote notes on the Analytical Engine of Charles Babbage.\n"
BABBAGE = "# Charles Babbage\n\nCharles Babbage was born in London.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two documents."""
    (tmp_path / "ada.md").write_text(ADA, encoding="utf-8")
    (tmp_path / "babbage.md").write_text(BABBAGE, encoding="utf-8")
    return tmp_path


def live(memory: Memory) -> dict[str, list[Any]]:
    """The live graph: what units say, and the edges between them, without times and versions."""
    units = memory.cypher(
        "MATCH (u:Unit {state: 'live'}) RETURN u.id, labels(u), u.name, u.text, u.space ORDER BY u.id", limit=10_000
    )[1]
    edges = memory.cypher(
        "MATCH (a:Unit {state: 'live'})-[r]->(b:Unit {state: 'live'}) "
        "WHERE coalesce(r.tx_to, 9223372036854775807) = 9223372036854775807 "
        "RETURN a.id, type(r), b.id, r.count, r.score ORDER BY a.id, type(r), b.id",
        limit=10_000,
    )[1]
    evidence = memory.cypher(
        "MATCH (a:Unit)-[r:EVIDENCED_BY]->(v) WHERE r.tx_to = 9223372036854775807 "
        "RETURN a.id, v.unit_id, r.count ORDER BY a.id, v.unit_id",
        limit=10_000,
    )[1]
    vectors = memory.cypher(
        "MATCH (u:Unit {state: 'live'}) WHERE u:Passage OR u:Entity OR u:Fact "
        "RETURN u.id, size(u.vector) ORDER BY u.id",
        limit=10_000,
    )[1]
    return {"units": units, "edges": edges, "evidence": evidence, "vectors": vectors}


def test_adding_again_costs_nothing(memory: Memory, folder: Path) -> None:
    """Unchanged content: no new version, no change number, no extraction, no embedding, no write."""
    first = memory.add(folder)
    assert (first.documents, first.unchanged, first.passages) == (2, 0, 2)
    assert first.entities > 2
    assert first.facts >= 2
    store = memory._session.store
    watermark, sent = store.watermark(), store.queries_sent
    again = memory.add(folder)
    assert (again.documents, again.unchanged, again.passages, again.entities) == (0, 2, 0, 0)
    assert (again.seconds["extract"], again.seconds["embed"]) == (0.0, 0.0)
    assert store.watermark() == watermark
    assert store.queries_sent - sent <= 5


def test_changed_document_equals_a_fresh_store(memory: Memory, folder: Path) -> None:
    """After a change the live graph is that of a store that only ever saw the present files."""
    memory.add(folder)
    (folder / "ada.md").write_text(ADA.replace("Charles Babbage", "Mary Somerville"), encoding="utf-8")
    report = memory.add(folder)
    assert (report.documents, report.unchanged, report.passages) == (1, 1, 1)
    assert report.retired >= 1
    changed = live(memory)
    with pytest.raises(NotFound):
        memory.show("analytical engine of charles babbage")

    memory.cypher("MATCH (n) WHERE n:Unit OR n:Version OR n:Activity DETACH DELETE n", write=True)
    memory.add(folder)
    assert live(memory) == changed


def test_long_document_keeps_untouched_passages(memory: Memory, tmp_path: Path) -> None:
    """An edit at the end of a long text keeps the passages before it, ids and versions included."""
    sentences = [f"Engine number {n} was built by the company of maker {n} in the year {1700 + n}." for n in range(60)]
    path = tmp_path / "engines.txt"
    path.write_text(" ".join(sentences), encoding="utf-8")
    first = memory.add(path)
    assert first.passages >= 4
    sentences[-1] = "The last engine was never built."
    path.write_text(" ".join(sentences), encoding="utf-8")
    second = memory.add(path)
    assert 1 <= second.passages <= 2
    rows = memory.cypher(
        "MATCH (:Document)-[r:HAS_PART]->(p:Passage {state: 'live'}) WHERE r.tx_to = 9223372036854775807 "
        "RETURN p.text, p.start, p.end ORDER BY p.ordinal"
    )[1]
    text = path.read_text(encoding="utf-8")
    assert all(text[start:end] == said for said, start, end in rows)
    chain = memory.cypher(
        "MATCH (a:Passage {state: 'live'})-[r:NEXT]->(b:Passage {state: 'live'}) "
        "WHERE r.tx_to = 9223372036854775807 RETURN a.ordinal, b.ordinal ORDER BY a.ordinal"
    )[1]
    assert chain == [[n, n + 1] for n in range(len(rows) - 1)]


def test_hipporag_corpus_with_openie(memory: Memory, tmp_path: Path) -> None:
    """A corpus with its OpenIE file: bare NaN and malformed triples are told and skipped, the rest is kept."""
    corpus = [
        {"title": "Oliver Badman", "text": "Oliver Badman is a politician."},
        {"title": "Berlin", "text": "A city."},
    ]
    (tmp_path / "corpus.json").write_text(json.dumps(corpus), encoding="utf-8")
    result = """{"docs": [
      {"idx": "a", "passage": "Oliver Badman\\nOliver Badman is a politician.",
       "extracted_entities": ["Oliver Badman", "politician"],
       "extracted_triples": [["Oliver Badman", "is a", "politician"], ["Oliver Badman", "is"]]},
      {"idx": "b", "passage": "Berlin\\nA city.", "extracted_entities": ["Berlin"], "extracted_triples": []}],
      "avg_ent_chars": NaN}"""
    (tmp_path / "openie.json").write_text(result, encoding="utf-8")
    report = memory.add(tmp_path / "corpus.json", openie=tmp_path / "openie.json")
    assert (report.documents, report.passages, report.facts) == (2, 2, 1)
    assert len(report.skipped) == 1
    names = memory.cypher("MATCH (e:Entity) RETURN e.name ORDER BY e.name")[1]
    assert names == [["berlin"], ["oliver badman"], ["politician"]]
    about = memory.cypher("MATCH (p:Passage)-[:ABOUT]->(e:Entity) RETURN p.name, e.name ORDER BY e.name")[1]
    assert about == [["Berlin", "berlin"], ["Oliver Badman", "oliver badman"]]


def test_bad_sources_are_told_and_the_rest_is_added(memory: Memory, folder: Path) -> None:
    """Missing, binary, empty and malformed files: each by name; nothing of them is stored."""
    (folder / "binary.txt").write_bytes(b"\x00\xff\xfe\x80")
    (folder / "empty.txt").write_text("  \n", encoding="utf-8")
    (folder / "broken.json").write_text('[{"title": "x", ', encoding="utf-8")
    report = memory.add(folder, folder / "missing.txt")
    assert report.documents == 2
    assert {type(error).__name__ for error in report.skipped} == {
        "SourceNotText",
        "SourceEmpty",
        "SourceMalformed",
        "SourceNotFound",
    }
    before = live(memory)
    with pytest.raises(SourceNotFound, match="missing"):
        memory.add(folder / "missing.txt")
    assert live(memory) == before


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX users")
def test_folder_without_access(memory: Memory, tmp_path: Path) -> None:
    """A folder without access is told by name; tried as an unprivileged user."""
    import subprocess
    import sys

    locked = tmp_path / "locked"
    locked.mkdir()
    (locked / "a.txt").write_text("text", encoding="utf-8")
    locked.chmod(0)
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from memwalk.ingest import read_sources\n"
        "if os.geteuid() == 0: os.setegid(65534); os.seteuid(65534)\n"
        "print([type(s).__name__ for s in read_sources(Path(sys.argv[1]))])\n"
    )
    for parent in [tmp_path, *tmp_path.parents]:
        if parent.owner() != "root" or parent.stat().st_mode & 0o5 != 0o5:
            parent.chmod(parent.stat().st_mode | 0o5)
    done = subprocess.run([sys.executable, "-c", code, str(locked)], capture_output=True, text=True, check=True)
    locked.chmod(0o700)
    assert done.stdout.strip() == "['SourceNotReadable']"
    assert memory.cypher("MATCH (u:Unit) RETURN count(u)")[1] == [[0]]


def test_only_writers_add(memory: Memory, folder: Path) -> None:
    """A reader cannot add; a space one may not read looks like one that is not there."""
    memory.create_space("hidden")
    memory.grant("alice", "reader", space="default")
    alice = memory.as_principal("alice")
    with pytest.raises(NotPermitted):
        alice.add(folder)
    for space in ("hidden", "absent"):
        with pytest.raises(NotFound, match=f"no space '{space}'"):
            alice.add(folder, space=space)
    assert memory.cypher("MATCH (u:Unit) RETURN count(u)")[1] == [[0]]


def test_other_embedder_is_refused(memory: Memory, folder: Path) -> None:
    """Vectors of two embedders are never mixed."""
    from memwalk.errors import SchemaMismatch

    memory.add(folder)
    memory.cypher("MATCH (s:Store) SET s.embedder = 'another'", write=True)
    with pytest.raises(SchemaMismatch, match="MEMWALK_EMBEDDER"):
        memory.search("Ada")
