# SPDX-License-Identifier: Apache-2.0
"""What a file and the store it would go into both hold: the same, or it is refused before anything is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memwalk.errors import ArchiveConflict
from memwalk.units._kinds import KINDS
from memwalk.units.exchange._bundles import read_bundles
from memwalk.units.exchange._rows import derivation_rows, unit_row, version_row
from memwalk.units.exchange._stage import CHUNK_UNITS, chunks

if TYPE_CHECKING:
    from memwalk.store import Store
    from memwalk.units.exchange._archive import Archive
    from memwalk.units.exchange._bundles import Bundle
    from memwalk.units.exchange._verify import Contents

__all__ = ["check_frame", "find_present"]

Row = dict[str, Any]
_STAGED = "import:"


def check_frame(store: Store, archive: Archive, contents: Contents) -> tuple[set[str], dict[str, Row]]:
    """The spaces and principals that the store has already, and that are not something else there.

    Raises
    ------
    ArchiveConflict
    """
    spaces = {row["id"]: row for row in store.read("exchange/list_spaces")}
    for name, row in contents.spaces.items():
        if name in spaces and spaces[name]["local_only"] != row["local_only"]:
            said = f"is local-only in the {'file' if row['local_only'] else 'store'} alone"
            raise ArchiveConflict(archive.path, "space", name, said)
    principals = {row["id"]: row for row in store.read("exchange/list_principals")}
    for name, row in contents.principals.items():
        if name in principals and principals[name]["kind"] != row["kind"]:
            said = f"is a {row['kind']} in the file and a {principals[name]['kind']} in the store"
            raise ArchiveConflict(archive.path, "principal", name, said)
    return set(spaces), principals


def find_present(store: Store, archive: Archive, contents: Contents, stage: str) -> dict[str, str]:
    """State of each unit that the store has already, all the same as in the file, by id.

    Those that an unfinished import of the same file left, and nobody can read, are none.

    Raises
    ------
    ArchiveConflict
        A unit is there with other content, versions, sources or rights.
    """
    found: dict[str, Row] = {}
    for ids in chunks(contents.units, CHUNK_UNITS):
        for row in store.read("exchange/list_present", ids=ids):
            if row["policy_class"] != stage:
                found[row["id"]] = row
                _check_kind(archive, contents, row)
    if found:
        classes = {row["key"]: tuple(row["rights"]) for row in store.read("exchange/list_classes")}
        waiting: list[Bundle] = []
        for bundle in read_bundles(archive):
            if bundle.id not in found:
                continue
            if bundle.space is None:
                _check_shared(archive, bundle, found[bundle.id])
            else:
                waiting.append(bundle)
            if len(waiting) == CHUNK_UNITS:
                _check_units(store, archive, waiting, classes)
                waiting = []
        _check_units(store, archive, waiting, classes)
    return {unit: row["state"] for unit, row in found.items()}


def _check_kind(archive: Archive, contents: Contents, row: Row) -> None:
    unit = contents.units[row["id"]]
    if (row["policy_class"] or "").startswith(_STAGED):
        said = "is part of another file's import, not finished: import that again, or `memwalk import --discard`"
        raise ArchiveConflict(archive.path, "unit", row["id"], said)
    if (row["kind"], row["space"]) != (unit.kind, unit.space):
        raise ArchiveConflict(archive.path, "unit", row["id"], "is of another kind or space in the store")


def _check_shared(archive: Archive, bundle: Bundle, row: Row) -> None:
    """An entity or fact is the same if it says the same: its versions are each store's own."""
    names = ("name", *KINDS[row["kind"]].properties)
    there = {**row["properties"], "name": row["name"]}
    if any(there.get(name) != bundle.head.get(name, there.get(name)) for name in names):
        raise ArchiveConflict(archive.path, "unit", bundle.id, "says something else in the store")


def _check_units(store: Store, archive: Archive, bundles: list[Bundle], classes: dict[str, tuple[str, ...]]) -> None:
    ids = [bundle.id for bundle in bundles]
    units = {row["id"]: row for row in store.read("exchange/list_units", ids=ids)}
    versions: dict[str, list[Row]] = {unit: [] for unit in ids}
    for row in store.read("exchange/list_versions", ids=ids):
        versions[row["id"]].append(row)
    for bundle in bundles:
        held = versions[bundle.id]
        rows = [version_row(row, classes) for row in held]
        there = unit_row(units[bundle.id], rows[-1])
        said = ""
        if rows != bundle.versions:
            said = f"has other versions in the store ({_numbers(rows)}) than in the file ({_numbers(bundle.versions)})"
        elif there != bundle.unit:
            said = "stands otherwise in the store"
        elif derivation_rows(held) != bundle.derivations:
            said = "has other sources in the store"
        if said:
            raise ArchiveConflict(archive.path, "unit", bundle.id, said)


def _numbers(versions: list[Row]) -> str:
    return ", ".join(str(row["seq"]) for row in versions[-3:])
