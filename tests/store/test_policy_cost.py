# SPDX-License-Identifier: Apache-2.0
"""What a change of rights costs does not grow with the units of a space: counted by the server, not timed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.conftest import OWNER

from memwalk import policy
from memwalk.store import FOREVER, _client, load_query
from memwalk.units import get_units

if TYPE_CHECKING:
    import neo4j
    import pytest

    from memwalk.store import Store

SIZES = (500, 5_000)

FILL = """
MATCH (space:Space {id: $space})
UNWIND range(1, $count) AS i
CREATE (space)<-[:IN_SPACE]-(u:Unit:Note)-[:HEAD]->(v:Version)
SET u += {id: $prefix + i, space: $space, seq: 1, state: 'live', name: 'n', text: '', content_hash: '',
  right: 'space:' + $space, policy_class: 'space:' + $space, created_at: 1}
SET v += {unit_id: $prefix + i, kind: 'Note', seq: 1, state: 'live', name: 'n', text: '', content_hash: '',
  policy_class: 'space:' + $space, tx_from: 1, tx_to: $forever}
"""


class Counter:
    """Runs named queries as they are, and adds up the server's own count of what they touched."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hits = 0
        self.queries = 0
        monkeypatch.setattr(_client, "_rows", self._rows)

    def _rows(self, tx: neo4j.ManagedTransaction, name: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        result = tx.run(load_query(name).text.replace("CYPHER 5\n", "CYPHER 5 PROFILE\n", 1), parameters)
        rows = result.data()
        self.hits += _hits(result.consume().profile or {})
        self.queries += 1
        return rows

    def take(self) -> tuple[int, int]:
        """Queries and database hits since the last call."""
        taken, self.queries, self.hits = (self.queries, self.hits), 0, 0
        return taken


def _hits(plan: dict[str, Any]) -> int:
    return int(plan.get("dbHits", 0)) + sum(_hits(child) for child in plan.get("children", ()))


def measure(store: Store, sizes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> dict[int, list[tuple[int, int]]]:
    """(queries, database hits) of granting, deciding, denying and revoking on spaces of these numbers of units."""
    for size in sizes:
        policy.create_space(store, OWNER, f"s{size}")
        for batch in range(max(1, size // 10_000)):
            values = {"space": f"s{size}", "prefix": f"s{size}-{batch}-", "count": min(size, 10_000)}
            store.run_text(FILL, {**values, "forever": FOREVER}, write=True, limit=1)
        policy.create_principal(store, OWNER, f"p{size}")
    _changes(store, sizes, monkeypatch)  # the first time caches are filled
    return _changes(store, sizes, monkeypatch)


def _changes(store: Store, sizes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> dict[int, list[tuple[int, int]]]:
    found = {}
    for size in sizes:
        space, who, key = f"s{size}", f"p{size}", f"space:s{size}"
        # Plans of one age: the server makes one anew when grants have multiplied, at any moment, with other counts.
        store.run_text("CALL db.clearQueryCaches()", {}, write=True, limit=1)
        with monkeypatch.context() as patched:
            counter = Counter(patched)
            policy.grant(store, OWNER, who, "writer", space)
            costs = [counter.take()]
            assert policy.readable_classes(store, who) == [key]
            costs.append(counter.take())
            assert policy.rights_of(store, who).allows("writer", key)
            costs.append(counter.take())
            assert set(get_units(store, [key], [f"{space}-0-1"])) == {f"{space}-0-1"}
            costs.append(counter.take())
            policy.deny(store, OWNER, who, "reader", space)
            costs.append(counter.take())
            assert policy.readable_classes(store, who) == []
            costs.append(counter.take())
            policy.undeny(store, OWNER, who, space)
            costs.append(counter.take())
            policy.revoke(store, OWNER, who, space)
            costs.append(counter.take())
            assert policy.readable_classes(store, who) == []
            found[size] = costs
    return found


def test_a_grant_costs_the_same_on_any_space(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times the units, the same queries and the same database hits; and it takes effect with the next read."""
    found = measure(store, SIZES, monkeypatch)
    assert found[SIZES[0]] == found[SIZES[1]]
    assert all(hits > 0 for _, hits in found[SIZES[0]])
