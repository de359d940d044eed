# SPDX-License-Identifier: Apache-2.0
"""The named queries for people, on a small graph whose every unit is known. No model is loaded."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from memwalk.cli import app
from memwalk.config import LTS
from memwalk.store import FOREVER, load_query, query_names
from memwalk.units import NewUnit, derived_id, put_units, record_activity, retire_units

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.memory import Memory
    from memwalk.store import Store, Transaction

OWN = {"NEO4J_URI": None, "MEMWALK_STORE": None, "MEMWALK_NEO4J_VERSION": LTS}
TEXTS = {"Pont Neuf": "Henry III paid for the Pont Neuf.", "Henry III": "Henry III was born at Fontainebleau."}


@dataclass
class World:
    """Two documents of a passage each, their entities and a fact, a KV block, and one generation."""

    tx: Transaction
    space: str = "default"
    ids: dict[str, str] = field(default_factory=dict)

    def unit(self, key: str, kind: str, name: str, text: str = "", **more: Any) -> NewUnit:
        concept = kind in {"Entity", "Fact"}
        self.ids[key] = derived_id("" if concept else self.space, "", kind, name)
        home = None if concept else self.space
        return NewUnit(self.ids[key], kind, name, text, home, **more)

    def build(self) -> dict[str, str]:
        tx, ids = self.tx, self.ids
        activity = record_activity(tx, "owner", "add", self.space)
        for title, text in TEXTS.items():
            about = {"uri": f"file:///{title}", "format": "text"}
            put_units(tx, activity, [self.unit(f"document {title}", "Document", title, properties=about)])
            place = {"ordinal": 0, "start": 0, "end": len(text)}
            source = (ids[f"document {title}"], 1)
            passage = self.unit(f"passage {title}", "Passage", title, text, properties=place, derived_from=(source,))
            put_units(tx, activity, [passage])
        names = ("pont neuf", "henry iii", "fontainebleau", "henri iii")
        fact = {"subject": "henry iii", "predicate": "paid for", "object": "pont neuf"}
        concepts = [self.unit(name, "Entity", name) for name in names]
        concepts.append(self.unit("fact", "Fact", "henry iii paid for pont neuf", properties=fact))
        put_units(tx, activity, concepts)
        self.edges()
        version = {"payload": "0" * 64, "fingerprint": "f", "adapters": "", "tokens": 9, "bytes": 9}
        version |= {"source_order": [ids["passage Pont Neuf"]]}
        origin = ((ids["passage Pont Neuf"], 1),)
        put_units(tx, activity, [self.unit("block", "KVBlock", "Pont Neuf", version=version, derived_from=origin)])
        answer = record_activity(tx, "owner", "generate", "Who paid for the Pont Neuf?")
        loaded = {"id": ids["passage Pont Neuf"], "seq": 1, "form": "kv", "loadable": ids["block"]}
        tx.run("runtime/record_generation", activity=answer, rows=[loaded])
        return ids

    def edges(self) -> None:
        tx, ids = self.tx, self.ids
        span = {"at": tx.at, "forever": FOREVER}
        said = {"Pont Neuf": ["pont neuf", "henry iii"], "Henry III": ["henry iii", "fontainebleau", "henri iii"]}
        mentions = [(ids[f"passage {title}"], ids[name]) for title, names in said.items() for name in names]
        tx.run(
            "units/create_mentions_edges", rows=[{"source": p, "target": e, "count": 1} for p, e in mentions], **span
        )
        evidence = [*mentions, (ids["passage Pont Neuf"], ids["fact"])]
        rows = [{"id": concept, "source": p, "source_seq": 1, "count": 1} for p, concept in evidence]
        tx.run("units/create_evidence", rows=rows, **span)
        statement = {"id": ids["fact"], "subject": ids["henry iii"], "object": ids["pont neuf"]}
        tx.run("units/create_fact_edges", rows=[statement])
        pair = sorted([ids["henry iii"], ids["henri iii"]])
        similar = [{"source": pair[0], "target": pair[1], "score": 0.9}]
        tx.run("units/create_similar_edges", rows=similar, **span)
        vectors = [{"id": ids[key], "vector": [0.5] * 384} for key in ids if not key.startswith("document")]
        tx.run("units/set_vectors", rows=vectors)


@pytest.fixture
def world(memory: Memory) -> dict[str, str]:
    return memory._session.store.write(lambda tx: World(tx).build(), operation="add", principal="owner")


def ask(store: Path, name: str, /, *arguments: str, **parameters: str) -> list[dict[str, Any]]:
    given = [part for key, value in parameters.items() for part in ("-p", f"{key}={value}")]
    command = ["cypher", "--run", name, *given, "--store", str(store), "--as", "owner", "--json", *arguments]
    result = CliRunner().invoke(app, command, env=OWN)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    return [dict(zip(document["columns"], row, strict=True)) for row in document["rows"]]


def test_an_entity_neighbourhood(store_directory: Path, world: dict[str, str]) -> None:
    rows = ask(store_directory, "entity_neighbourhood", name="Henry III")
    found = {(row["edge"].strip("-<>"), row["kind"], row["name"]) for row in rows}
    assert found == {
        ("SIMILAR_TO", "Entity", "henri iii"),
        ("MENTIONS", "Passage", "Henry III"),
        ("MENTIONS", "Passage", "Pont Neuf"),
        ("SUBJECT", "Fact", "henry iii paid for pont neuf"),
    }
    assert ask(store_directory, "entity_neighbourhood", name="1984") == []


def test_shortest_paths_between_entities(store_directory: Path, world: dict[str, str]) -> None:
    rows = ask(store_directory, "entity_paths", **{"from": "pont neuf", "to": "fontainebleau"})
    end = "henry iii -[MENTIONS]- Henry III -[MENTIONS]- fontainebleau"
    assert [(row["edges"], row["path"]) for row in rows] == [
        (4, f"pont neuf -[MENTIONS]- Pont Neuf -[MENTIONS]- {end}"),
        (4, f"pont neuf -[OBJECT]- henry iii paid for pont neuf -[SUBJECT]- {end}"),
    ]
    assert ask(store_directory, "entity_paths", **{"from": "pont neuf", "to": "pont neuf"}) == []


def test_what_ended_is_no_longer_walked(store_directory: Path, world: dict[str, str], memory: Memory) -> None:
    def retire(tx: Transaction) -> None:
        retire_units(tx, record_activity(tx, "owner", "add"), [world["passage Henry III"]])

    memory._session.store.write(retire, operation="add", principal="owner")
    assert ask(store_directory, "entity_paths", **{"from": "pont neuf", "to": "fontainebleau"}) == []
    rows = ask(store_directory, "entity_neighbourhood", name="henry iii")
    assert {row["name"] for row in rows} == {"Pont Neuf", "henry iii paid for pont neuf"}
    connected = {row["entity"]: row["passages"] for row in ask(store_directory, "connected_entities")}
    assert connected == {"henry iii": 1, "pont neuf": 1}


def test_the_lineage_of_a_unit(store_directory: Path, world: dict[str, str]) -> None:
    rows = ask(store_directory, "unit_lineage", unit=world["passage Pont Neuf"][:8])
    assert {(row["direction"], row["steps"], row["kind"], row["name"]) for row in rows} == {
        ("made from", 1, "Document", "Pont Neuf"),
        ("made into", 1, "KVBlock", "Pont Neuf"),
        ("evidence for", 1, "Entity", "pont neuf"),
        ("evidence for", 1, "Entity", "henry iii"),
        ("evidence for", 1, "Fact", "henry iii paid for pont neuf"),
    }
    assert all(row["current"] and row["version"] == 1 and row["by"] == "add" for row in rows)
    above = ask(store_directory, "unit_lineage", unit=world["henry iii"])
    assert {(row["direction"], row["steps"], row["kind"], row["name"]) for row in above} == {
        ("evidenced by", step, kind, name)
        for step, kind in ((1, "Passage"), (2, "Document"))
        for name in ("Pont Neuf", "Henry III")
    }


def test_who_may_read_a_unit(store_directory: Path, world: dict[str, str], memory: Memory) -> None:
    memory.create_principal("staff", kind="group")
    memory.create_principal("alice", groups=["staff"])
    memory.create_principal("mallory")
    memory.grant("staff", "reader", space="default")
    for unit in ("passage Pont Neuf", "henry iii"):
        rows = ask(store_directory, "unit_readers", unit=world[unit])
        assert {row["principal"]: row["grants"] for row in rows} == {
            "owner": ["owner is admin of the store"],
            "staff": ["staff is reader of default"],
            "alice": ["staff is reader of default"],
        }
        readable = {p.id for p in memory.principals() if _reads(memory, p.id, world[unit])}
        assert readable == {row["principal"] for row in rows}
    memory.revoke("staff", space="default")
    assert [row["principal"] for row in ask(store_directory, "unit_readers", unit=world["block"])] == ["owner"]


def _reads(memory: Memory, principal: str, unit: str) -> bool:
    from memwalk.errors import NotFound

    try:
        memory.as_principal(principal).show(unit)
    except NotFound:
        return False
    return True


def test_the_most_connected_entities(store_directory: Path, world: dict[str, str]) -> None:
    rows = ask(store_directory, "connected_entities", "--limit", "2")
    assert [(row["entity"], row["passages"], row["facts"], row["near_synonyms"]) for row in rows] == [
        ("henry iii", 2, 1, 1),
        ("henri iii", 1, 0, 1),
    ]


def test_how_an_answer_came_about(store_directory: Path, world: dict[str, str]) -> None:
    (row,) = ask(store_directory, "answer_sources")
    assert (row["principal"], row["question"], row["form"]) == ("owner", "Who paid for the Pont Neuf?", "kv")
    assert (row["kind"], row["name"], row["version"], row["current"]) == ("Passage", "Pont Neuf", 1, True)
    assert row["loadable"] == world["block"]


@pytest.mark.parametrize("name", query_names("explore"))
def test_no_query_for_people_returns_vectors(store_directory: Path, world: dict[str, str], name: str) -> None:
    values = {"name": "henry iii", "from": "pont neuf", "to": "fontainebleau", "unit": world["passage Pont Neuf"]}
    parameters = {key: values[key] for key in load_query(name).parameters - {"limit"}}
    rows = ask(store_directory, name.removeprefix("explore/"), **parameters)
    assert rows
    assert "0.5, 0.5" not in json.dumps(rows)


@pytest.mark.parametrize("name", query_names("explore"))
def test_queries_for_people_run_on_both_releases(store: Store, name: str) -> None:
    values = {"name": "a", "from": "a", "to": "b", "unit": "abc", "limit": 3}
    query = load_query(name)
    columns, rows, more = store.run_text(
        query.text, {key: values[key] for key in query.parameters}, write=False, limit=3
    )
    assert columns
    assert (rows, more) == ([], False)


def test_units_are_shown_with_what_they_were_built_from(store_directory: Path, world: dict[str, str]) -> None:
    shared = ["--store", str(store_directory), "--as", "owner"]
    shown = json.loads(CliRunner().invoke(app, ["show", world["block"][:8], *shared, "--json"], env=OWN).stdout)
    assert (shown["kind"], shown["fresh"]) == ("KVBlock", True)
    assert shown["sources"] == [{"id": world["passage Pont Neuf"], "version": 1}]
    panel = CliRunner().invoke(app, ["show", world["passage Pont Neuf"], *shared], env=OWN).stdout
    assert TEXTS["Pont Neuf"] in panel
    listed = json.loads(CliRunner().invoke(app, ["build", "list", *shared, "--json"], env=OWN).stdout)
    assert [(built["kind"], built["fresh"]) for built in listed["loadables"]] == [("KVBlock", True)]
    assert "fresh" in CliRunner().invoke(app, ["build", "list", *shared], env=OWN).stdout
