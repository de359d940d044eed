# SPDX-License-Identifier: Apache-2.0
"""`memwalk add --extractor endpoint`: facts come over the wire, once, with what they cost; local-only stays here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.chat_server import ChatServer, Reply, completion, passage_of, running
from typer.testing import CliRunner

from memwalk.cli import app
from memwalk.memory._extractors import answers_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memwalk.memory import Memory

TEXTS = {f"town{n}.txt": f"Town {n} lies on the river Elbe." for n in range(5)}


def read(request: dict[str, Any]) -> Reply:
    """What a model would say of a town."""
    town = passage_of(request).partition(" lies")[0]
    return completion({"entities": [town, "Elbe"], "triples": [[town, "lies on", "Elbe"], ["cut", "off"]]})


@pytest.fixture
def server() -> Iterator[ChatServer]:
    """An endpoint that reads towns."""
    with running(read) as told:
        yield told


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five documents."""
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


class Command:
    """`memwalk add --extractor endpoint` on one store."""

    def __init__(self, store: Path, server: ChatServer) -> None:
        self._store = store
        self._env = {
            "NEO4J_URI": None, "MEMWALK_STORE": None, "MEMWALK_EXTRACTOR_URL": server.url,
            "MEMWALK_EXTRACTOR_MODEL": "reader", "MEMWALK_EXTRACTOR_REQUESTS": "1", "MEMWALK_EXTRACTOR_PRICE_IN": "3",
        }  # fmt: skip

    def __call__(self, folder: Path, *arguments: str, exit_code: int = 0) -> Any:
        command = ["add", str(folder), "--extractor", "endpoint", "--json", "--store", str(self._store), *arguments]
        result = CliRunner().invoke(app, [*command, "--as", "owner"], env=self._env)
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout) if exit_code == 0 else result.stderr


@pytest.fixture
def add(memory: Memory, store_directory: Path, server: ChatServer) -> Command:
    return Command(store_directory, server)


def test_facts_come_over_the_wire(memory: Memory, add: Command, server: ChatServer, folder: Path) -> None:
    """Facts, told rows and costs arrive; what is unchanged, or failed after it was paid for, is not asked again."""
    server.answer = lambda request: Reply(b"no credit", 402) if "Town 3" in passage_of(request) else read(request)
    assert "no credit" in add(folder, exit_code=1)
    assert memory.cypher("MATCH (f:Fact) RETURN count(f)")[1] == [[0]]
    paid = sum("Town 3" not in passage_of(request) for request in server.asked)
    assert paid >= 3

    server.answer = read
    report = add(folder)
    assert (report["documents"], report["facts"]) == (5, 5)
    assert report["spent"] == {
        "requests": 5 - paid, "reused": paid, "tokens_in": 100 * (5 - paid), "tokens_out": 20 * (5 - paid),
        "cost": pytest.approx(0.0003 * (5 - paid)),
    }  # fmt: skip
    assert len(report["skipped"]) == 5
    assert all("2 parts instead of 3" in row["message"] for row in report["skipped"])
    rows = memory.cypher("MATCH (f:Fact {state: 'live'}) RETURN f.text ORDER BY f.text")[1]
    assert rows == [[f"town {n} lies on elbe"] for n in range(5)]
    extractor = memory.cypher("MATCH (:Passage)-[:HEAD]->(v) RETURN DISTINCT v.extractor")[1][0][0]
    assert extractor.startswith("endpoint reader ")

    asked = len(server.asked)
    again = add(folder)
    assert (again["unchanged"], again["spent"]["requests"], len(server.asked)) == (5, 0, asked)
    (folder / "town0.txt").write_text("Town 9 lies on the river Elbe.", encoding="utf-8")
    assert add(folder)["spent"]["requests"] == 1
    assert passage_of(server.asked[-1]) == "Town 9 lies on the river Elbe."


def test_local_only_spaces_never_reach_it(memory: Memory, add: Command, server: ChatServer, folder: Path) -> None:
    """A local-only space is refused before anything is sent, on the loopback too; the space stays empty."""
    memory.create_space("diary", local_only=True)
    assert "local-only" in add(folder, "--space", "diary", exit_code=1)
    assert server.asked == []
    assert memory.cypher("MATCH (u:Unit {space: 'diary'}) RETURN count(u)")[1] == [[0]]
    assert "spacy or endpoint" in add(folder, "--extractor", "oracle", exit_code=2)
    assert server.asked == []


def test_purge_forgets_answers(memory: Memory, add: Command, server: ChatServer, folder: Path) -> None:
    """What an endpoint said and nobody came back for goes with a purge."""
    server.answer = lambda request: Reply(b"no", 401) if "Town 3" in passage_of(request) else read(request)
    add(folder, exit_code=1)
    path = answers_of(memory._session)._path
    assert b"Town 0" in path.read_bytes()
    memory.purge(memory.add_units([{"text": "Something else."}])[0].id)
    assert not path.exists()
