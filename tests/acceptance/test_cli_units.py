# SPDX-License-Identifier: Apache-2.0
"""Units on the command line, with real models: written, found, changed, compared, forgotten, brought back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from memwalk.cli import app
from memwalk.config import LTS

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.memory import Memory

OWN = {"NEO4J_URI": None, "MEMWALK_STORE": None, "MEMWALK_NEO4J_VERSION": LTS, "COLUMNS": "200"}
BRIDGE = "The Pont Neuf was finished under King Henry IV of France. It crosses the Seine in Paris."
NOTE = "The lighthouse keeper of Cordouan wants new lamps."


class Command:
    """`memwalk` on one store."""

    def __init__(self, store: Path) -> None:
        self.store = store

    def __call__(self, *arguments: str, exit_code: int = 0, **options: Any) -> Any:
        command = [*arguments, "--store", str(self.store)]
        result = CliRunner().invoke(app, command, prog_name="memwalk", env=OWN, **options)
        assert result.exit_code == exit_code, result.output
        return result

    def json(self, *arguments: str, **options: Any) -> Any:
        return json.loads(self(*arguments, "--json", **options).stdout)


@pytest.fixture
def run(memory: Memory, store_directory: Path) -> Command:
    return Command(store_directory)


def test_a_unit_from_its_first_line_to_its_last(run: Command, tmp_path: Path) -> None:
    """A note is written from a line, found by meaning, changed, compared, forgotten, and comes back."""
    lines = tmp_path / "notes.jsonl"
    first = {"text": NOTE, "key": "lamps", "tags": ["plan"], "valid_from": "2026-01-01"}
    lines.write_text(json.dumps(first) + "\n\n" + json.dumps({"text": "Bread is baked at four."}) + "\n")
    written = run.json("add", "--units", str(lines))["units"]
    assert [unit["version"] for unit in written] == [1, 1]
    assert run.json("add", "--units", str(lines))["units"][0] == written[0]  # under its key, the same again
    note = written[0]["id"]
    found = run.json("search", "Who asks for lamps at the lighthouse?")["results"]
    assert (found[0]["id"], found[0]["kind"]) == (note, "Note")
    for then in (("--at", "10m ago"), ("--valid-at", "2025-06-01", "--at", "10m ago")):
        assert run.json("search", "lamps", *then)["results"] == []
    assert "nothing found" in run("explain", "lamps", "--at", "10m ago").stdout
    held = run.json("search", "Who asks for lamps at the lighthouse?", "--valid-at", "2025-06-01")["results"]
    assert note not in {result["id"] for result in held} != set()
    assert run.json("search", "Who asks for lamps at the lighthouse?", "--at", "now")["results"] == found
    assert [unit["id"] for unit in run.json("list", "--tag", "plan")["units"]] == [note]
    assert run.json("list", "--valid-at", "2025-06-01", "--tag", "plan")["units"] == []

    assert "2" in run("update", note, "--text", "The keeper got his lamps.", "--untag", "plan", "--meta", "n=3").stdout
    assert run.json("show", note)["metadata"] == {"n": 3}
    assert "no unit" in run("show", note, "--at", "10m ago", exit_code=1).stderr
    changed = run.json("diff", note, "1", "2")
    assert [change["field"] for change in changed["changes"]] == ["metadata.n", "tags"]
    assert "-" + NOTE in changed["text"]
    stale = run("update", note, "--text", "too late", "--version", "1", exit_code=1)
    assert "is at version 2" in stale.stderr

    summary = {"kind": "Summary", "text": "Lamps at Cordouan.", "derived_from": [note]}
    made = run.json("add", "--units", "-", input=json.dumps(summary))["units"][0]
    lineage = run.json("lineage", note, "--direction", "down")
    assert [edge["version"]["id"] for edge in lineage["edges"]] == [made["id"]]
    assert run.json("list", "--stale")["units"] == []
    assert run.json("forget", note)["forgotten"] == [note]
    assert [unit["id"] for unit in run.json("list", "--stale")["units"]] == [made["id"]]
    assert note not in {result["id"] for result in run.json("search", "Who asks for lamps?")["results"]}
    assert run.json("list", "--state", "retired")["units"][0]["id"] == note
    history = run.json("history", note)["versions"]
    assert [(row["version"], row["state"], row["activity"]) for row in history] == [
        (3, "retired", "forget"),
        (2, "live", "update"),
        (1, "live", "add"),
    ]
    run("revert", note, "1")
    assert run.json("search", "Who asks for lamps at the lighthouse?")["results"][0]["id"] == note
    for shown in (("list",), ("diff", note, "1", "2"), ("lineage", made["id"]), ("history", note), ("show", note)):
        assert run(*shown).stdout.strip()


def test_each_bad_line_is_told_and_none_is_stored(run: Command, tmp_path: Path) -> None:
    """The number of each line that makes no sense, and why; the good ones are not stored either."""
    lines = tmp_path / "bad.jsonl"
    bad = ["[1]", "{", '{"text": 3}', '{"kind": "Fact", "text": "x"}', '{"text": "x", "valid_from": "soonish"}']
    lines.write_text("\n".join(['{"text": "good"}', *bad, "[" * 100_000]))
    told = run("add", "--units", str(lines), exit_code=1).stderr
    assert "nothing was stored" in told
    assert [number for number in range(1, 9) if f"line {number}:" in told] == [2, 3, 4, 5, 6, 7]
    assert run.json("list")["units"] == []
    run("add", "--units", str(tmp_path / "none.jsonl"), exit_code=1)
    run("add", exit_code=2)
    run("add", "--units", str(lines), str(lines), exit_code=2)
    run("update", exit_code=2)
    changes = json.dumps({"id": "nobody", "version": 1, "text": "x"})
    assert "no unit 'nobody'" in run("update", "--units", "-", input=changes, exit_code=1).stderr


def test_a_passage_that_is_changed_is_read_again(memory: Memory, tmp_path: Path) -> None:
    """After a change by hand, and after a revert, the graph says what the passage says, and no more."""
    source = tmp_path / "bridge.md"
    source.write_text(f"# Pont Neuf\n\n{BRIDGE}\n", encoding="utf-8")
    memory.add(source)

    def entities() -> set[str]:
        return {unit.name for unit in memory.list(kind="Entity")}

    before = entities()
    assert {"seine", "paris"} <= before
    (passage,) = memory.list(kind="Passage")
    memory.update([{"id": passage.id, "version": 1, "tags": ["checked"]}])
    assert entities() == before
    memory.update([{"id": passage.id, "version": 2, "text": "The Pont Neuf is a bridge that Lisbon admires."}])
    after = entities()
    assert "lisbon" in after
    assert not {"seine", "paris"} & after
    assert memory.search("What does Lisbon admire?")[0].unit_id == passage.id
    memory.revert([{"id": passage.id, "version": 3, "to": 2}])
    assert entities() == before
    (document,) = memory.list(kind="Document")
    assert memory.add(source).unchanged == 1
    assert memory.show(passage.id).tags == ("checked",)
    source.write_text(f"# Pont Neuf\n\n{BRIDGE}\n\nMore.\n", encoding="utf-8")
    memory.update([{"id": document.id, "version": document.seq, "tags": ["mine"]}])
    assert memory.add(source).documents == 1
    assert memory.show(document.id).tags == ("mine",)  # what people add is not the file's to take
    gone = memory.forget(document.id)
    assert document.id in gone
    assert len(gone) > 1
    assert memory.list() == []
