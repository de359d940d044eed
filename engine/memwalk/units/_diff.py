# SPDX-License-Identifier: Apache-2.0
"""What differs between two versions of a unit."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from memwalk.errors import NotFound
from memwalk.units._kinds import KINDS, VERSION_PROPERTIES, Readable
from memwalk.units._read import get_unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from memwalk.store import Reader

__all__ = ["Difference", "FieldChange", "diff"]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field that two versions fill differently; None where one lacks it."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between version `a` and version `b` of a unit."""

    unit: str
    a: int
    b: int
    changes: tuple[FieldChange, ...]
    """By name of the field; `metadata.KEY` for one key of the metadata. The text is told apart."""
    text: str
    """The texts' unified diff; empty if they are the same."""

    def __bool__(self) -> bool:
        return bool(self.changes or self.text)


def diff(reader: Reader, classes: Sequence[str], unit_id: str, a: int, b: int) -> Difference:
    """Compare two readable versions of a readable unit, retired or not.

    Raises
    ------
    NotFound
        The unit or a version is not there, or may not be read.
    """
    unit = get_unit(reader, classes, unit_id, retired=True)
    if KINDS[unit.kind].readable is Readable.ANY_EVIDENCE:  # has one content, its identity
        for seq in (a, b):
            if seq != unit.seq:
                raise NotFound(f"version {seq} of unit", unit_id)
        return Difference(unit_id, a, b, (), "")
    rows = reader.read("units/list_versions", rows=[{"id": unit_id, "seq": seq} for seq in sorted({a, b})])
    found = {row["seq"]: row for row in rows if row["version"].get("policy_class") in classes}
    for seq in (a, b):
        if seq not in found:
            raise NotFound(f"version {seq} of unit", unit_id)
    before, after = (_fields(found[seq], classes) for seq in (a, b))
    changes = tuple(
        FieldChange(name, before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )
    texts = [found[seq]["version"]["text"] for seq in (a, b)]
    lines = difflib.unified_diff(
        texts[0].splitlines(), texts[1].splitlines(), f"version {a}", f"version {b}", lineterm=""
    )
    told = "\n".join(lines)
    if texts[0] != texts[1] and not told:  # nothing but the ends of lines
        changes = (*changes, FieldChange("text", *texts))
    return Difference(unit_id, a, b, changes, told)


def _fields(row: Mapping[str, Any], classes: Sequence[str]) -> dict[str, Any]:
    """All a version says but its text, by name; what it does not say is not there."""
    version = row["version"]
    names = ("state", "name", *KINDS[version["kind"]].properties, *VERSION_PROPERTIES, "tags", "valid_from", "valid_to")
    said = {name: version[name] for name in names if version.get(name) is not None}
    said |= {f"metadata.{key}": value for key, value in json.loads(version.get("metadata") or "{}").items()}
    sources = [f"{s['id']}@{s['seq']}" for s in row["sources"] if s["policy_class"] in classes]
    return said | ({"derived_from": sources} if sources else {})
