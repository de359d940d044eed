# SPDX-License-Identifier: Apache-2.0
"""Staleness: what was made of versions that are no longer so.

A unit that needs all its sources is stale when a version it was derived from is not the head of a live
unit, or is itself stale. A passage is not stale because its document changed elsewhere: it is a piece of
it, not made of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from memwalk.errors import InvalidArgument
from memwalk.units._kinds import DERIVED
from memwalk.units._read import LONGEST_PAGE, PAGE, UnitRef, unit_of_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from memwalk.store import Reader
    from memwalk.units._read import Unit

__all__ = ["Loadable", "list_loadables", "list_stale", "stale_units"]


@dataclass(frozen=True, slots=True)
class Loadable:
    """A KV block or an adapter over exact unit versions."""

    id: str
    kind: str
    name: str
    space: str
    seq: int
    payload: str
    fingerprint: str
    adapters: str
    """Adapter set it was computed under; empty for none."""
    tokens: int
    bytes: int
    sources: tuple[UnitRef, ...]
    """In the order they were loaded when it was built."""
    fresh: bool
    """All it was built from, and all that was made from, is still as it was."""


def stale_units(reader: Reader, ids: Iterable[str]) -> set[str]:
    """The stale ones among these units; whether they may be read is for the caller to know."""
    rows = reader.read("units/list_stale_among", ids=sorted(set(ids)), derived=list(DERIVED))
    return {row["id"] for row in rows}


def list_stale(
    reader: Reader, classes: Sequence[str], *, space: str | None = None, limit: int = PAGE, after: str = ""
) -> list[Unit]:
    """A page of the readable units that are stale, in the order of their ids.

    Parameters
    ----------
    reader : Reader
    classes : sequence of str
        Keys of the policy classes that may be read now.
    space : str, optional
        Of this space alone.
    limit : int
        Most units of the page.
    after : str
        The id of the last unit of the page before; empty for the first page.

    Raises
    ------
    InvalidArgument
    """
    if not 1 <= limit <= LONGEST_PAGE:
        raise InvalidArgument("limit", limit, f"1 to {LONGEST_PAGE}")
    wanted = {"classes": list(classes), "space": space, "after": after, "limit": limit, "derived": list(DERIVED)}
    return [unit_of_row(row) for row in reader.read("units/list_stale", **wanted)]


def list_loadables(reader: Reader, classes: Sequence[str]) -> list[Loadable]:
    """The readable KV blocks and adapters, stale ones included and marked."""
    rows = reader.read("units/list_loadables", classes=list(classes))
    stale = stale_units(reader, (row["id"] for row in rows))
    found = []
    for row in rows:
        seqs = {source["id"]: source["seq"] for source in row["sources"]}
        found.append(
            Loadable(
                id=row["id"],
                kind=row["kind"],
                name=row["name"],
                space=row["space"],
                seq=row["seq"],
                payload=row["payload"],
                fingerprint=row["fingerprint"],
                adapters=row["adapters"],
                tokens=row["tokens"],
                bytes=row["bytes"],
                sources=tuple(UnitRef(source, seqs[source]) for source in row["source_order"]),
                fresh=row["id"] not in stale,
            )
        )
    return found
