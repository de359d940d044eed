# SPDX-License-Identifier: Apache-2.0
"""The audit of writes: the change sequence, searched, and its chain of hashes recomputed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memwalk.store._chain import START, ChainReport, Fault, Head, verify_chain
from memwalk.store._client import FOREVER, Change

if TYPE_CHECKING:
    from memwalk.store._client import Store, Transaction

__all__ = ["find_changes", "verify_changes"]


def verify_changes(store: Store, *, anchor: Head | None = None) -> ChainReport:
    """Recompute the hash chain of the change sequence and tell the first record that is not as it was written.

    The counter holds the number and hash of the last record, so a cut end is found. Who may write the graph freely can
    write the whole chain anew, and the counter with it; only an anchor shows that: the head of an earlier report, kept
    elsewhere. Writers wait while the end is looked up, not while the chain is read.

    Parameters
    ----------
    store : Store
    anchor : Head, optional

    Raises
    ------
    InvalidArgument
        The anchor is older than the chain.
    """
    end = _end(store)
    if end is None or type(end["seq"]) is not int or type(end["audited_from"]) is not int:
        return ChainReport(START, Fault(1, "missing", "the counter that ends the chain is gone"))
    first = end["audited_from"]
    rows = store.stream("store/stream_changes", first=first, last=end["seq"])
    report = verify_chain(
        (row["record"] for row in rows),
        after=Head(first - 1, ""),
        end=Head(end["seq"], str(end["hash"])),
        anchor=anchor,
    )
    fault = report.fault
    if fault is None and end["beyond"]:
        fault = Fault(end["seq"] + 1, "changed", "the counter was set back, or a record put in, beyond the end")
    earlier = (
        (f"the chain begins with number {first}; what an earlier memwalk wrote is not in it",) if first > 1 else ()
    )
    return ChainReport(report.head, fault, earlier)


def find_changes(
    store: Store,
    *,
    principal: str | None = None,
    operation: str | None = None,
    unit: str | None = None,
    since: int = 0,
    until: int = FOREVER,
    limit: int = 100,
) -> list[Change]:
    """The latest changes that fit, newest first.

    Parameters
    ----------
    store : Store
    principal, operation : str, optional
    unit : str, optional
        Id of a unit, principal or space that was changed.
    since, until : int
        ms since the epoch; from the first, before the second.
    limit : int
    """
    rows = store.read(
        "store/find_changes",
        principal=principal,
        operation=operation,
        unit=unit,
        since=since,
        until=until,
        limit=limit,
    )
    return [Change.of(row) for row in rows]


def _end(store: Store) -> dict[str, Any] | None:
    """The counter, read under its lock and without taking a number: every commit up to it is there, and none beyond."""

    def look(tx: Transaction) -> dict[str, Any] | None:
        return next(iter(tx.run("store/get_audit_head")), None)

    return store.write(look, operation="audit", principal="")
