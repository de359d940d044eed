# SPDX-License-Identifier: Apache-2.0
"""Migrations, the graph's description, and other people's databases."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from memwalk.errors import ForeignData, SchemaMismatch
from memwalk.store import graph_description, migrate
from memwalk.units import KINDS

if TYPE_CHECKING:
    from memwalk.store import Store


def run(store: Store, text: str, **parameters: object) -> list[list[object]]:
    """Cypher of a test's own."""
    return store.run_text(text, dict(parameters), write=True, limit=10_000)[1]


def test_migrating_twice_changes_nothing(store: Store) -> None:
    """A second run finds nothing to do, and the store is not new."""
    before = store.watermark()
    assert migrate(store) is False
    assert store.watermark() == before


def test_newer_graph_is_refused(store: Store) -> None:
    """A graph with a migration this code does not know is refused by number and name."""
    run(store, "CREATE (:Migration {version: 999, name: 'from_the_future', checksum: 'x'})")
    with pytest.raises(SchemaMismatch, match="V999"):
        migrate(store)


def test_changed_migration_is_refused(store: Store) -> None:
    """An applied migration whose file has another checksum is refused."""
    run(store, "MATCH (m:Migration) SET m.checksum = 'other'")
    with pytest.raises(SchemaMismatch, match="changed"):
        migrate(store)


def test_foreign_data_is_refused_and_left_alone(store: Store) -> None:
    """Somebody else's nodes under our labels: refused, nothing written."""
    run(store, "MATCH (n) DETACH DELETE n")
    run(store, "CREATE (:Document {title: 'theirs'}), (:Person {name: 'x'})")
    with pytest.raises(ForeignData) as caught:
        migrate(store)
    assert caught.value.labels == ("Document",)
    assert run(store, "MATCH (n) RETURN count(n)") == [[2]]


def test_other_labels_beside_ours_are_no_obstacle(store: Store) -> None:
    """A database with other labels alone can be shared."""
    run(store, "MATCH (n) DETACH DELETE n")
    run(store, "CREATE (:Person {name: 'x'})")
    assert migrate(store) is True


def test_description_matches_the_schema(store: Store) -> None:
    """schema/graph.json names the constraints the migrations made, and the registry's kinds."""
    description = graph_description()
    rows = run(
        store, "SHOW CONSTRAINTS YIELD labelsOrTypes, properties, type RETURN labelsOrTypes[0], properties, type"
    )
    assert {label: properties for label, properties, _ in rows} == description["unique"]
    kinds = {label for label, node in description["nodes"].items() if node.get("kind")}
    assert kinds == set(KINDS)
    for kind in KINDS.values():
        said = set(description["nodes"][kind.label]["properties"])
        assert said == set(kind.properties) | ({"vector"} if kind.vector else set())


def test_indexes_for_people_are_there(store: Store) -> None:
    """Vector and full-text indexes are online."""
    rows = run(
        store, "SHOW INDEXES YIELD name, type, state WHERE type IN ['VECTOR', 'FULLTEXT'] RETURN name, type, state"
    )
    assert {name: (type_, state) for name, type_, state in rows} == {
        "passage_vector": ("VECTOR", "ONLINE"),
        "entity_vector": ("VECTOR", "ONLINE"),
        "fact_vector": ("VECTOR", "ONLINE"),
        "note_vector": ("VECTOR", "ONLINE"),
        "summary_vector": ("VECTOR", "ONLINE"),
        "unit_text": ("FULLTEXT", "ONLINE"),
    }


def test_server_is_the_version_asked_for(store: Store, request: pytest.FixtureRequest) -> None:
    """The store's tests really run on both releases."""
    version = run(store, "CALL dbms.components() YIELD name, versions WHERE name = 'Neo4j Kernel' RETURN versions[0]")
    assert re.search(r"\[(.+)\]", request.node.name)[1] == version[0][0]  # type: ignore[index]
