# SPDX-License-Identifier: Apache-2.0
"""The command line with real models: adding, finding, planning, building, answering, chatting."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from memwalk.cli import app
from memwalk.config import LTS

if TYPE_CHECKING:
    from pathlib import Path

OWN = {"NEO4J_URI": None, "MEMWALK_STORE": None, "MEMWALK_NEO4J_VERSION": LTS}
BRIDGE = (
    "The Pont Neuf is the oldest standing bridge across the river Seine in Paris. King Henry III laid its first stone "
    "in 1578 and paid for it."
)
KING = "# Henry III of France\n\nHenry III was born at the Château de Fontainebleau in 1551.\n"
QUESTION = "Where was the king who paid for the Pont Neuf born?"


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
def memwalk(store_directory: Path) -> Command:
    command = Command(store_directory)
    command("init", "--as", "owner")
    return command


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "Pont Neuf.txt").write_text(BRIDGE, encoding="utf-8")
    (folder / "Henry III.md").write_text(KING, encoding="utf-8")
    return folder


def test_documents_are_added_found_and_answered_with(memwalk: Command, reports: Path) -> None:
    added = memwalk.json("add", str(reports))
    assert (added["documents"], added["unchanged"], added["passages"], added["skipped"]) == (2, 0, 2, [])
    again = memwalk("add", str(reports)).stdout.split()
    assert again[again.index("unchanged") + 1] == "2"

    results = memwalk.json("search", QUESTION, "--limit", "2")["results"]
    assert {result["name"] for result in results} == {"Pont Neuf", "Henry III of France"}
    assert results == memwalk.json("explain", QUESTION, "--limit", "2")["results"]
    assert "Fontainebleau" in memwalk("search", QUESTION).stdout
    assert "Pont Neuf" in memwalk("explain", QUESTION).stdout

    # An entity lives by its evidence: it shows no history of its own.
    entity, name = memwalk.json("cypher", "MATCH (e:Entity) RETURN e.id, e.name LIMIT 1")["rows"][0]
    assert memwalk.json("history", entity)["versions"][0]["at"] is None
    assert name in memwalk("history", entity).stdout

    plan = memwalk.json("plan", QUESTION, "--tokens", "300")
    assert {pick["name"] for pick in plan["picks"]} == {"Pont Neuf", "Henry III of France"}
    assert 0 < plan["tokens"] <= 300
    empty = memwalk.json("plan", QUESTION, "--tokens", "0")
    assert empty["picks"] == []
    assert {refusal["reason"] for refusal in empty["refusals"]} == {"budget_tokens"}
    assert "picks" in memwalk("plan", QUESTION).stdout

    answer = memwalk.json("ask", QUESTION, "--max-tokens", "12")
    streamed = memwalk("ask", QUESTION, "--max-tokens", "12", "--show-plan")
    assert streamed.stdout.strip() == answer["answer"].strip()
    assert "activity" in streamed.stderr
    assert memwalk("ask", QUESTION, "--max-tokens", "1", "--quiet").stderr == ""
    rows = memwalk.json("cypher", "--run", "answer_sources")["rows"]
    assert len([row for row in rows if row[2] == QUESTION]) == 3 * len(answer["plan"]["picks"])

    built = memwalk.json("build", "kv", "Pont Neuf")["loadables"]
    assert [(block["kind"], block["fresh"]) for block in built] == [("KVBlock", True)]
    loaded = memwalk.json("ask", QUESTION, "--form", "kv", "--max-tokens", "4")
    assert loaded["plan"]["picks"][0]["form"] == "kv"
    assert loaded["reused_tokens"] >= built[0]["tokens"]
    (reports / "Pont Neuf.txt").write_text(BRIDGE.replace("1578", "1579"), encoding="utf-8")
    memwalk("add", str(reports))
    assert "stale" in memwalk("build", "list").stdout


def test_what_cannot_be_read_is_named_and_the_rest_is_added(memwalk: Command, reports: Path) -> None:
    (reports / "noise.txt").write_bytes(bytes(range(256)))
    (reports / "empty.txt").touch()
    result = memwalk("add", str(reports), exit_code=1)
    assert "noise.txt: not UTF-8 text" in result.stderr
    assert "empty.txt: empty" in result.stderr
    assert memwalk.json("space", "list")["spaces"][0]["documents"] == 2
    missing = memwalk("add", str(reports / "missing.txt"), exit_code=1)
    assert missing.stderr.splitlines()[-1].endswith("missing.txt: no such file or folder")
    assert missing.stdout == ""


def test_a_chat_keeps_its_turns(memwalk: Command, reports: Path) -> None:
    memwalk("add", str(reports))
    first = memwalk("chat", "--max-tokens", "6", input=f"{QUESTION}\n\n/quit\n")
    conversation = first.stderr.split()[1]
    assert first.stdout.strip()
    again = memwalk("chat", "--conversation", conversation, "--max-tokens", "6", input="And when?\n")
    assert "2 messages so far" in again.stderr
    rows = memwalk.json("cypher", "MATCH (m:Message) RETURN m.role, m.text ORDER BY m.ordinal")["rows"]
    assert [row[0] for row in rows] == ["user", "assistant", "user", "assistant"]
    assert rows[0][1] == QUESTION


def test_a_principal_sees_only_its_own(memwalk: Command, reports: Path) -> None:
    memwalk("grant", "alice", "writer", "--space", "work")
    memwalk("add", str(reports / "Pont Neuf.txt"), "--space", "work", "--as", "alice")
    memwalk("add", str(reports / "Henry III.md"))
    assert [r["name"] for r in memwalk.json("search", QUESTION, "--as", "alice")["results"]] == ["Pont Neuf"]
    refused = memwalk("add", str(reports / "Henry III.md"), "--as", "alice", exit_code=1)
    assert refused.stderr.splitlines()[-1].startswith("error: no space 'default'")
    plan = memwalk.json("plan", QUESTION, "--as", "alice")
    assert "Henry III of France" not in json.dumps(plan, ensure_ascii=False)
