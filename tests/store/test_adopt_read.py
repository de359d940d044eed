# SPDX-License-Identifier: Apache-2.0
"""Reading somebody's graph: the same documents on both servers and in whatever order it was made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.conftest import wipe

from memwalk.config import CURRENT, LTS
from memwalk.ingest import GraphMapping, read_graph
from memwalk.ingest._mapping import NodeMapping
from memwalk.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from memwalk.config import StoreSettings
    from memwalk.ingest import Source

MAPPING = GraphMapping(
    "towns/1",
    {"Town": NodeMapping("name", "code", "town", (("people", "has inhabitants"),), ("note",)),
     "River": NodeMapping("name", "name")},
    {"ON": "lies on", "TWIN": "is the twin of"},
)  # fmt: skip
MAKE = [
    "CREATE (:Town {name: 'Dresden', code: 'D/1', people: 560000, note: 'A town.'})",
    "CREATE (:River:Town {name: 'Elbe', at: point({x: 1, y: 2})})",
    "CREATE (:Town {name: 'Hamburg', code: 'D/1', people: 1900000, note: 'A port.'})",
    "CREATE (:River {name: ''})",
]
LINK = """
MATCH (a:Town {name: $a}), (b {name: $b})
UNWIND range(1, $times) AS n
CREATE (a)-[:ON {since: datetime('2020-01-02T03:04:05Z')}]->(b), (a)-[:ON]->(b), (a)-[:OTHER]->(b)
"""


def read(store: Store) -> tuple[list[Source], list[str]]:
    """The documents of a graph, and what was told."""
    sources, skipped = read_graph(store, MAPPING)
    return sources, [str(error) for error in skipped]


@pytest.mark.parametrize("version", [LTS, CURRENT])
def test_read_in_any_order(store_settings: Callable[[str], StoreSettings], version: str) -> None:
    """Nodes of one key are one document, lines and addresses do not depend on when what was made."""
    with Store.connect(store_settings(version)) as store:
        found = []
        for step in (1, -1):
            wipe(store)
            for text in MAKE[::step]:
                store.run_text(text, {}, write=True, limit=1)
            for town in ("Dresden", "Hamburg")[::step]:
                store.run_text(LINK, {"a": town, "b": "Elbe", "times": 2}, write=True, limit=1)
            found.append(read(store))
        wipe(store)
    (sources, told), again = found
    assert again[0] == sources
    assert len(told) == 1
    assert "River" in told[0]
    by_uri = {source.uri: source for source in sources}
    assert sorted(by_uri) == [
        "neo4j:towns%2F1/Town/D%2F1", "neo4j:towns%2F1/Town/D%2F1/note", "neo4j:towns%2F1/Town/D%2F1/note#2",
        "neo4j:towns%2F1/Town/Elbe",
    ]  # fmt: skip
    towns = by_uri["neo4j:towns%2F1/Town/D%2F1"]
    assert towns.title == "Dresden"
    assert towns.text.splitlines() == [
        "Dresden has inhabitants 1900000",
        "Dresden has inhabitants 560000",
        "Dresden is town \u00d72",
        "Dresden lies on Elbe \u00d74",
        "Dresden lies on Elbe (since: 2020-01-02T03:04:05.000000000+00:00) \u00d74",
    ]
    assert [statement.times for statement in towns.sections[0].statements] == [1, 1, 2, 4, 4]
    assert by_uri["neo4j:towns%2F1/Town/Elbe"].text == "Elbe is town"
    assert [by_uri[uri].text for uri in sorted(by_uri)[1:3]] == ["A port.", "A town."]
