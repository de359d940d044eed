# SPDX-License-Identifier: Apache-2.0
"""Rows of an export file, made of what the graph holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memwalk.policy import right_of
from memwalk.store import FOREVER
from memwalk.units.exchange._format import edge_types, key_of, member_fields, shown_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from memwalk.units.exchange._select import Scope, Shared

__all__ = [
    "activity_row",
    "derivation_rows",
    "edge_rows",
    "evidence_rows",
    "grant_rows",
    "ordered",
    "principal_rows",
    "shared_version_row",
    "unit_row",
    "version_row",
]

Row = dict[str, Any]
_PLAIN_DETAIL = {"add", "build"}
"""Activities whose detail is the name of a space or kind; that of others may be what somebody asked or wrote."""


def unit_row(found: Row, head: Row, shared: Shared | None = None, waived: frozenset[str] | None = None) -> Row:
    """A row of `units.jsonl` from one of `exchange/list_units` and its head version's row.

    Of the rights that a published unit no longer needs, those in `waived` may be named; None: all.
    """
    held, kind = found["unit"], found["kind"]
    space = held.get("space")
    row = {
        "id": found["id"],
        "kind": kind,
        "space": space,
        "seq": head["seq"],
        "state": held["state"],
        "created_at": shared.first[0] if shared else held["created_at"],
        "own_right": (space is not None and held.get("right") not in {None, right_of(space)}) or None,
        "published": [key for key in held.get("published") or () if waived is None or key in waived] or None,
        "vector": found["vector"] or None,
        "shown": {n: held.get(n) for n in shown_names(kind) if held.get(n) != head.get(n)} or None,
    }
    return _said(row)


def version_row(found: Row, classes: Mapping[str, tuple[str, ...]], scope: Scope | None = None) -> Row:
    """A row of `versions.jsonl` from one of `exchange/list_versions`; it names no source that stays behind."""
    held = dict(found["version"])
    if scope is not None and held.get("source_order"):
        held["source_order"] = [unit for unit in held["source_order"] if unit in scope.members] or None
    row = {name: held.get(name) for name in member_fields("versions.jsonl")}
    policy_class = held.get("policy_class")
    row |= {
        "id": found["id"],
        "tx_to": _end(held["tx_to"]),
        "rights": None if policy_class is None else list(classes[policy_class]),
        "activity": found["activity"],
    }
    return _said(row)


def shared_version_row(found: Row, shared: Shared) -> Row:
    """The one version of an entity or fact, as its exported evidence shows it."""
    row = version_row(found, {}) | {"seq": 1, "tx_from": shared.first[0], "activity": shared.activity}
    row.pop("tx_to", None)
    return _said(row)


def derivation_rows(versions: Iterable[Row], scope: Scope | None = None) -> list[Row]:
    """Rows of `derivations.jsonl` from those of `exchange/list_versions`; both ends must go along."""
    rows = []
    for found in versions:
        seq = found["version"]["seq"]
        for source in found["sources"]:
            row = {"id": found["id"], "seq": seq, **source}
            if scope is None or (scope.has(row["id"], seq) and scope.has(row["source"], row["source_seq"])):
                rows.append(row)
    if scope is not None:
        rows = [row for row in rows if row["source"] not in scope.shared]  # whose numbers are made anew
    return ordered("derivations.jsonl", rows)


def evidence_rows(found: Iterable[Row], scope: Scope) -> list[Row]:
    """Rows of `evidence.jsonl` from those of `exchange/list_evidence`."""
    rows = [
        {"id": row["id"], "source": row["source"], "source_seq": row["source_seq"], **_span(row["edge"])}
        for row in found
        if scope.has(row["source"], row["source_seq"])
    ]
    return ordered("evidence.jsonl", rows)


def edge_rows(found: Iterable[Row], scope: Scope) -> list[Row]:
    """Rows of `edges.jsonl` from those of `exchange/list_edges`."""
    rows = []
    for row in found:
        source, label, target, edge = row["source"], row["type"], row["target"], _span(row["edge"])
        if target not in scope.members or label not in edge_types():
            continue
        if label == "SIMILAR_TO" and not scope.whole:
            if "tx_to" in edge:
                continue
            edge["tx_from"] = max(scope.shared[source].first[0], scope.shared[target].first[0])
        rows.append({"source": source, "type": label, "target": target, **edge})
    return ordered("edges.jsonl", rows)


def activity_row(found: Row, scope: Scope) -> Row:
    """A row of `activities.jsonl`; what somebody asked is told to that principal and to administrators alone."""
    own = scope.rights.administers or found["principal"] == scope.principal or found["name"] in _PLAIN_DETAIL
    return {**found, "detail": found["detail"] if own else ""}


def grant_rows(found: Iterable[Row], scope: Scope, spaces: set[str], own: Mapping[str, str]) -> list[Row]:
    """Rows of `grants.jsonl`: those on exported spaces and units that the principal administers.

    Parameters
    ----------
    found : iterable of dict
        Rows of `exchange/list_grants`.
    scope : Scope
    spaces : set of str
        Exported ones.
    own : mapping
        Space of each exported unit that has a right of its own, by id.
    """
    rows = []
    for row in found:
        unit, space = row["unit"], row["space"]
        if unit is None:
            right = right_of(space) if space in spaces else ""
        else:
            right = right_of(own[unit], unit) if unit in own else ""
        if right and (scope.rights.administers or scope.rights.allows("admin", right)):
            rows.append(_said({**row, "until": _end(row["until"])}))
    return ordered("grants.jsonl", rows)


def principal_rows(known: Mapping[str, Row], wanted: set[str], *, complete: bool) -> list[Row]:
    """Rows of `principals.jsonl`; for others than administrators without age and groups."""
    rows = []
    for name in sorted(wanted):
        row = {"id": name, "kind": known[name]["kind"]}
        if complete:
            groups = [group for group in known[name]["groups"] if group in wanted]
            row |= {"created_at": known[name]["created_at"]} | ({"groups": groups} if groups else {})
        rows.append(row)
    return rows


def ordered(member: str, rows: Iterable[Row]) -> list[Row]:
    """Rows by their key, each once."""
    by_key = {key_of(member, row): row for row in rows}
    return [by_key[key] for key in sorted(by_key)]


def _span(edge: Row) -> Row:
    return _said({**edge, "tx_to": _end(edge.get("tx_to"))})


def _end(time: int | None) -> int | None:
    return None if time == FOREVER else time


def _said(row: Row) -> Row:
    return {name: value for name, value in row.items() if value is not None}
