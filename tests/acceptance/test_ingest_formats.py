# SPDX-License-Identifier: Apache-2.0
"""Adding real files of every kind, on a real server with real models: passages at their places, graphs, faults."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest
from tests.acceptance.test_ingest import live
from typer.testing import CliRunner

from memwalk.cli import app
from memwalk.config import LTS
from memwalk.errors import AlreadyExists, NotFound
from memwalk.ingest import Source, _pipeline, read_sources

if TYPE_CHECKING:
    from memwalk.memory import Memory

DATA = Path(__file__).parents[1] / "data" / "formats"
FOREVER = 9223372036854775807
OWN = {"NEO4J_URI": None, "MEMWALK_STORE": None, "MEMWALK_NEO4J_VERSION": LTS}
WIPE = "MATCH (n) WHERE n:Unit OR n:Version OR n:Activity DETACH DELETE n"


def passages(memory: Memory) -> list[dict[str, Any]]:
    """The live passages with their documents, in order."""
    names, rows, _ = memory.cypher(
        "MATCH (d:Document)-[r:HAS_PART]->(p:Passage {state: 'live'}) WHERE r.tx_to = $forever "
        "RETURN d.uri AS uri, d.name AS document, p.name AS name, p.text AS text, p.start AS start, p.end AS end, "
        "p.page AS page, p.valid_from AS valid_from, p.ordinal AS ordinal ORDER BY uri, ordinal",
        {"forever": FOREVER},
        limit=1000,
    )
    return [dict(zip(names, row, strict=True)) for row in rows]


def graph(memory: Memory) -> tuple[list[Any], list[Any]]:
    """Names of the live entities; the live facts, each with how often all passages state it."""
    entities = memory.cypher("MATCH (e:Entity {state: 'live'}) RETURN e.name ORDER BY e.name", limit=10_000)[1]
    facts = memory.cypher(
        "MATCH (f:Fact {state: 'live'})-[r:EVIDENCED_BY]->(:Version) WHERE r.tx_to = $forever "
        "RETURN f.id, f.subject, f.predicate, f.object, sum(r.count) ORDER BY f.id",
        {"forever": FOREVER},
        limit=10_000,
    )[1]
    return entities, facts


def test_real_files_of_every_kind(memory: Memory) -> None:
    """Each becomes documents whose passages stand where they say, with page and world time; adding again is nothing."""
    report = memory.add(DATA)
    assert report.skipped == []
    assert report.documents == 8
    sources = {source.uri: source for source in read_sources(DATA) if isinstance(source, Source)}
    found = passages(memory)
    assert {passage["uri"] for passage in found} == sources.keys()
    for passage in found:
        original = sources[passage["uri"]].original
        place, text = original[passage["start"] : passage["end"]], passage["text"]
        match Path(unquote(urlsplit(passage["uri"]).path)).suffix:
            case ".pdf" | ".jsonl" if sources[passage["uri"]].format != "chat":
                assert place == text
            case ".jsonl":  # from the first words said to the last, as JSON writes them
                assert json.loads(f'"{place[: place.index(chr(34))]}"') in text
                assert text.endswith(json.loads(f'"{place.rpartition(": " + chr(34))[2]}"'))
            case ".html":
                assert place.startswith(text.split()[0])
                assert place.endswith(text.split()[-1])
            case ".csv":
                assert place.splitlines()[0].split(",")[0] == passage["name"]
            case ".graphml":
                assert passage["name"] in place
    lives = [passage for passage in found if passage["document"] == "Lives of three iron workers"]
    assert {passage["page"] for passage in lives} <= {1, 2, 3}
    assert lives[0]["page"] == 1
    assert lives[-1]["page"] in {2, 3}
    chat = [passage for passage in found if passage["document"] == "chat"]
    assert chat[-1]["valid_from"] == 1772562660000  # its last turn, 2026-03-03T18:31Z
    assert [result.name for result in memory.search("What was Abraham Darby's religion?", limit=3)].count(
        "Lives of three iron workers"
    )
    again = memory.add(DATA)
    assert (again.documents, again.unchanged, again.passages) == (0, 8, 0)


def test_a_graph_is_added_as_it_is(memory: Memory) -> None:
    """Edges are facts and nodes entities, with nothing extracted; a changed row gives what a fresh store would have."""
    report = memory.add(DATA / "edges.csv")
    assert report.skipped == []
    entities, facts = graph(memory)
    assert ["joseph whitworth"] in entities
    assert ["slide rest the"] in entities
    assert len(entities) == 9
    assert [row[1:] for row in facts if row[2] == "made"] == [
        row
        for row in [row[1:] for row in facts]
        if row
        in (
            ["henry maudslay", "made", "slide rest the", 2],
            ["joseph bramah", "made", "hydraulic press", 3],
            ["joseph clement", "made", "babbage s calculating engine", 1],
        )
    ]
    assert len(facts) == 10
    about = memory.cypher("MATCH (p:Passage {name: 'Joseph Bramah'})-[:ABOUT]->(e:Entity) RETURN e.name")[1]
    assert about == [["joseph bramah"]]
    result = memory.search("Who worked for Joseph Clement?", limit=2)
    assert "Joseph Whitworth" in [found.name for found in result]


def test_a_changed_graph_equals_a_fresh_store(memory: Memory, tmp_path: Path) -> None:
    """Rows added, changed, counted otherwise and removed: the live graph is that of a store that saw the last file."""
    file = tmp_path / "edges.csv"
    table = (DATA / "edges.csv").read_text(encoding="utf-8")
    file.write_text(table, encoding="utf-8")
    memory.add(file)
    changed = table.replace("Joseph Bramah,made,hydraulic press,3,1795\n", "").replace(
        'slide rest, the",2,', 'slide rest, the",5,'
    )
    file.write_text(changed + "Joseph Clement,taught,Joseph Whitworth,,\n", encoding="utf-8")
    report = memory.add(file)
    # Two nodes that say something else, and the last, which stands elsewhere now.
    assert (report.documents, report.passages, report.retired) == (1, 3, 3)
    after = live(memory)
    memory.cypher(WIPE, write=True)
    memory.add(file)
    assert live(memory) == after


def test_graphml_out_and_in_again_is_the_same_graph(memory: Memory, tmp_path: Path) -> None:
    """Entities and facts of documents and graphs, written and added to an empty store: the same, and the same file."""
    memory.add(DATA / "page.html", DATA / "workshops.graphml", DATA / "edges.csv")
    before = graph(memory)
    assert len(before[1]) > 15
    written = tmp_path / "out.graphml"
    report = memory.export_graph(written)
    assert (report.entities, report.facts) == (len(before[0]), len(before[1]))
    with pytest.raises(AlreadyExists):
        memory.export_graph(written)
    memory.cypher(WIPE, write=True)
    added = memory.add(written)
    assert added.skipped == []
    assert graph(memory) == before
    memory.export_graph(tmp_path / "again.graphml")
    assert (tmp_path / "again.graphml").read_bytes() == written.read_bytes()


def test_an_exported_graph_holds_what_its_reader_may_read(
    memory: Memory, store_directory: Path, tmp_path: Path
) -> None:
    """What only a hidden space states is not in the file, nor counted in it; a space may be asked for."""
    for space in ("open", "hidden"):
        memory.create_space(space)
    memory.grant("alice", "reader", space="open")
    memory.add(streams={"a.csv": b"source,predicate,target\nAda,wrote,Notes\n"}, space="open")
    memory.add(streams={"b.csv": b"source,predicate,target\nAda,wrote,Notes\nAda,kept,Secret\n"}, space="hidden")

    def written(view: Memory, **options: Any) -> str:
        view.export_graph(tmp_path / "g.graphml", replace=True, **options)
        return (tmp_path / "g.graphml").read_text(encoding="utf-8")

    mine, hers = written(memory), written(memory.as_principal("alice"))
    assert "secret" in mine
    assert ">2<" in mine
    assert "secret" not in hers
    assert ">2<" not in hers
    assert written(memory, spaces=["open"]) == hers
    with pytest.raises(NotFound):
        written(memory.as_principal("alice"), spaces=["hidden"])
    line = ["export", str(tmp_path / "c.graphml"), "--graphml", "--as", "alice", "--store", str(store_directory)]
    result = CliRunner().invoke(app, [*line, "--json"], prog_name="memwalk", env=OWN)
    assert json.loads(result.stdout)["facts"] == 1
    assert (tmp_path / "c.graphml").read_text(encoding="utf-8") == hers
    assert CliRunner().invoke(app, [*line, "--unit", "x"], prog_name="memwalk", env=OWN).exit_code == 2


def bad_folder(folder: Path) -> dict[str, str]:
    """Files that cannot be added beside one that can; what each is told of."""
    whole = (DATA / "lives.pdf").read_bytes()
    (folder / "good.txt").write_text("Ada Lovelace wrote notes.", encoding="utf-8")
    (folder / "corrupted.pdf").write_bytes(whole[:9_000] + bytes(9_000))
    (folder / "binary.dat").write_bytes(bytes(range(256)) * 40)
    (folder / "nothing.txt").write_bytes(b"")
    (folder / "latin.txt").write_bytes(b"caf\xe9")
    (folder / "nan.jsonl").write_text('{"text": NaN}\n{"text": "Bob wrote too.", "score": NaN}\n', encoding="utf-8")
    (folder / "nan.json").write_text('[{"title": "n", "text": NaN}, {"title": "m", "text": "Mary."}]')
    (folder / "loop").mkdir()
    (folder / "loop" / "up").symlink_to(folder)
    (folder / "loop" / "self").symlink_to(folder / "loop" / "self")
    return {
        "corrupted.pdf": "malformed",
        "binary.dat": "not UTF-8 text",
        "nothing.txt": "empty",
        "latin.txt": "not UTF-8 text (byte 3)",
        "nan.jsonl": "row 1",
        "nan.json": "row 1",
        "self": "symbolic links",
    }


def test_bad_files_are_named_and_the_rest_is_added(
    memory: Memory, store_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the command line: each fault on a line of its own with the file's name, exit code 1, the good ones added.

    One of these has more text than ten transactions hold, and is there from its first word to its last.
    """
    monkeypatch.setattr(_pipeline, "BATCH_PASSAGES", 8)
    wrong = bad_folder(tmp_path)
    large = "".join(f"Sentence {number} of it. " for number in range(4_000)) + "End."
    (tmp_path / "large.txt").write_text(large, encoding="utf-8")
    line = ["add", str(tmp_path), "--store", str(store_directory), "--json"]
    result = CliRunner().invoke(app, line, prog_name="memwalk", env=OWN)
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    for name, why in wrong.items():
        assert any(f"{name}:" in told and why in told for told in result.stderr.splitlines()), (name, result.stderr)
    assert len([told for told in result.stderr.splitlines() if "skipped " in told]) == len(wrong)
    found = passages(memory)
    parts = [passage for passage in found if passage["document"] == "large"]
    assert {passage["text"] for passage in found if passage["document"] != "large"} == {
        "Ada Lovelace wrote notes.",
        "Bob wrote too.",
        "Mary.",
    }
    assert len(parts) > 10 * _pipeline.BATCH_PASSAGES
    assert [passage["ordinal"] for passage in parts] == [*range(len(parts))]
    assert (parts[0]["start"], parts[-1]["end"]) == (0, len(large))
    assert all(after["start"] <= before["end"] + 1 for before, after in pairwise(parts))
    assert memory.show("large").properties.get("unfinished") is None


def test_stdin_has_a_name_that_stays(memory: Memory, store_directory: Path) -> None:
    """Adding again under it changes the document; without a name it is refused."""
    store = ["--store", str(store_directory)]

    def command(*arguments: str, said: bytes) -> Any:
        return CliRunner().invoke(app, ["add", "-", *arguments, *store], prog_name="memwalk", env=OWN, input=said)

    assert command(said=b"x").exit_code == 2
    for said in (b"<p>Ada wrote.", b"<p>Ada wrote more."):
        assert command("--name", "https://example.org/page.html", said=said).exit_code == 0
    assert [(found["uri"], found["text"]) for found in passages(memory)] == [
        ("https://example.org/page.html", "Ada wrote more.")
    ]


def test_real_openie_file(memory: Memory, data: Path, tmp_path: Path) -> None:
    """The musique corpus and its OpenIE file, with a bare NaN and triples that are none: told, the rest is kept."""
    folder = data / "musique_train100"
    given = json.loads((folder / "openie_gpt-3.5-turbo-1106.json").read_text(encoding="utf-8"))
    odd = [doc for doc in given["docs"] if any(len(triple) != 3 for triple in doc["extracted_triples"])][:3]
    assert odd
    corpus = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
    rows = [row for row in corpus if any(doc["passage"] == f"{row['title']}\n{row['text']}" for doc in odd)]
    assert len(rows) == len(odd)
    (tmp_path / "corpus.json").write_text(json.dumps(rows), encoding="utf-8")
    report = memory.add(tmp_path / "corpus.json", openie=folder / "openie_gpt-3.5-turbo-1106.json")
    bad = sum(len(triple) != 3 for doc in odd for triple in doc["extracted_triples"])
    assert len(report.skipped) >= bad
    assert all("extracted_" in error.detail for error in report.skipped)
    assert report.documents == len(odd)
    assert report.facts > 0
