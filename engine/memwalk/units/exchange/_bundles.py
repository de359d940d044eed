# SPDX-License-Identifier: Apache-2.0
"""All that an export file says of one unit, brought together from its sorted members."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from memwalk.policy import right_of
from memwalk.store import FOREVER
from memwalk.units.exchange._format import VECTORS, member_fields, shown_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from memwalk.units.exchange._archive import Archive

__all__ = ["Bundle", "read_bundles"]

Row = dict[str, Any]
_OF = {"versions.jsonl": "id", "derivations.jsonl": "id", "evidence.jsonl": "id", "edges.jsonl": "source"}
"""The member's field that names the unit its rows hang on."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A unit with its versions, and the edges that go out of these."""

    unit: Row
    versions: list[Row] = field(default_factory=list)
    derivations: list[Row] = field(default_factory=list)
    evidence: list[Row] = field(default_factory=list)
    edges: list[Row] = field(default_factory=list)
    vector: NDArray[np.float32] | None = None

    @property
    def id(self) -> str:
        """The unit's."""
        return str(self.unit["id"])

    @property
    def space(self) -> str | None:
        """The unit's; None for entities and facts."""
        return self.unit.get("space")

    @property
    def right(self) -> str | None:
        """The key of the unit's right."""
        return None if self.space is None else right_of(self.space, self.id if self.unit.get("own_right") else "")

    @property
    def head(self) -> Row:
        """Its head version."""
        return self.versions[-1]

    def node(self) -> Row:
        """Properties of the unit's node, but for its class and vector."""
        row, kind = self.unit, self.unit["kind"]
        content = {name: self.head.get(name) for name in shown_names(kind)} | row.get("shown", {})
        own = {name: row.get(name) for name in ("id", "space", "seq", "state", "created_at", "published")}
        return {name: value for name, value in {**content, **own, "right": self.right}.items() if value is not None}

    def version_nodes(self) -> list[Row]:
        """Properties of the nodes of its versions, but for their classes, oldest first."""
        names = member_fields("versions.jsonl").keys() - {"id", "rights", "activity"}
        return [
            {"tx_to": FOREVER, **{name: row[name] for name in names if name in row}, "unit_id": self.id}
            for row in self.versions
        ]


def read_bundles(archive: Archive, *, vectors: int = 0) -> Iterator[Bundle]:
    """The units of a file in the order of their ids.

    Parameters
    ----------
    archive : Archive
        Verified.
    vectors : int
        Length of the vectors; 0 leaves them out.
    """
    groups = {member: _Group(archive.rows(member), name) for member, name in _OF.items()}
    numbers = archive.vectors(vectors) if vectors and archive.count(VECTORS) else iter(())
    for unit in archive.rows("units.jsonl"):
        hanging = {member.removesuffix(".jsonl"): group.take(unit["id"]) for member, group in groups.items()}
        vector = next(numbers) if unit.get("vector") and vectors else None
        yield Bundle(unit=unit, vector=vector, **hanging)


class _Group:
    """The rows of one member, handed out unit by unit."""

    def __init__(self, rows: Iterator[Row], name: str) -> None:
        self._rows = rows
        self._name = name
        self._next: list[Row] = list(islice(rows, 1))

    def take(self, unit: str) -> list[Row]:
        """Those of a unit; units come in order."""
        taken = []
        while self._next and self._next[0][self._name] == unit:
            taken += self._next
            self._next = list(islice(self._rows, 1))
        return taken
