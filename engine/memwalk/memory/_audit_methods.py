# SPDX-License-Identifier: Apache-2.0
"""`Memory`: who wrote and who read what, and whether these records are whole."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memwalk import policy
from memwalk.errors import InvalidArgument
from memwalk.memory._logged import logged
from memwalk.memory._view import View
from memwalk.store import FOREVER, ChainReport, Head, find_changes, verify_changes

if TYPE_CHECKING:
    from memwalk.store import Change

__all__ = ["AuditMethods", "AuditReport", "Read"]


@dataclass(frozen=True, slots=True)
class Read:
    """One read, as the log tells it: that it was asked for, not what came of it."""

    seq: int
    at: int
    """ms since the epoch."""
    principal: str
    action: str
    target: str
    """A unit's id, or `hmac:` and the keyed hash of the text that was asked; empty where nothing particular was."""


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Whether both records are whole."""

    changes: ChainReport
    """Writes, in the graph."""
    reads: ChainReport
    """Reads, in the log beside the store."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong in either."""
        return self.changes.ok and self.reads.ok


class AuditMethods(View):
    """The audit, for administrators."""

    @logged("audit", "unit")
    def audit(
        self,
        *,
        principal: str | None = None,
        operation: str | None = None,
        unit: str | None = None,
        since: int | None = None,
        until: int | None = None,
        limit: int = 100,
    ) -> list[Change]:
        """The latest committed writes that fit, newest first (administrators).

        Parameters
        ----------
        principal, operation : str, optional
        unit : str, optional
            The id of what was changed: a unit, a principal, a space.
        since, until : int, optional
            ms since the epoch; from the first, before the second.
        limit : int

        Raises
        ------
        NotPermitted, InvalidArgument
        """
        self._require_auditor(limit)
        return find_changes(
            self._session.store,
            principal=principal,
            operation=operation,
            unit=unit,
            since=since or 0,
            until=FOREVER if until is None else until,
            limit=limit,
        )

    @logged("audit reads", "target")
    def audit_reads(
        self,
        *,
        principal: str | None = None,
        action: str | None = None,
        target: str | None = None,
        since: int | None = None,
        until: int | None = None,
        limit: int = 100,
    ) -> list[Read]:
        """The latest reads that fit, newest first, those that were refused or found nothing included (administrators).

        Parameters
        ----------
        principal, action : str, optional
        target : str, optional
            As it was asked for: a unit's id, or the exact text of a query or a name.
        since, until : int, optional
            ms since the epoch; from the first, before the second.
        limit : int

        Raises
        ------
        NotPermitted, InvalidArgument, AuditFailed
        """
        self._require_auditor(limit)
        log = self._session.reads
        wanted = {"principal": principal, "action": action, "target": None if target is None else log.mask(target)}
        wanted = {name: value for name, value in wanted.items() if value is not None}
        latest = deque(
            (
                record
                for record in log.records()
                if (since or 0) <= record["at"] < (FOREVER if until is None else until)
                and all(record[name] == value for name, value in wanted.items())
            ),
            maxlen=limit,
        )
        return [Read(*(r[name] for name in ("seq", "at", "principal", "action", "target"))) for r in reversed(latest)]

    @logged("audit verify")
    def verify_audit(self, *, changes: Head | None = None, reads: Head | None = None) -> AuditReport:
        """Recompute both hash chains and tell the first changed, missing or reordered record of each (administrators).

        Parameters
        ----------
        changes, reads : Head, optional
            The heads of an earlier report, kept elsewhere: they show even a chain that was written anew as a whole.

        Raises
        ------
        NotPermitted, InvalidArgument, AuditFailed
        """
        self._require_auditor()
        return AuditReport(
            verify_changes(self._session.store, anchor=changes), self._session.reads.verify(anchor=reads)
        )

    def _require_auditor(self, limit: int = 1) -> None:
        policy.require_administrator(self._session.store, self.principal, "audit")
        if limit < 1:
            raise InvalidArgument("limit", limit, "1 or more")
