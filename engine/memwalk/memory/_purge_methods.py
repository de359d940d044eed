# SPDX-License-Identifier: Apache-2.0
"""`Memory`: purging."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk import policy
from memwalk.errors import InvalidArgument, NotFound
from memwalk.memory._view import View
from memwalk.units import find_unit, finish_erasures, list_erasures, purge_units, record_activity

if TYPE_CHECKING:
    from memwalk.store import Transaction
    from memwalk.units import Purged

__all__ = ["PurgeMethods"]


class PurgeMethods(View):
    """Erasure."""

    def purge(self, *references: str) -> Purged:
        """Remove units for good, with all that was made of them; retired ones too (administrators of each unit).

        Gone at once and for everybody: content, versions, vectors, payloads, derived KV blocks, adapters,
        summaries and answers, and the questions of generations that used them. An audit record without
        content stays. What Neo4j has not yet overwritten in its files goes with `purge_files`.

        Parameters
        ----------
        *references : str
            Ids, beginnings of ids, or names; a retired unit by its id.

        Raises
        ------
        NotFound, NotPermitted, InvalidArgument
        """
        if not references:
            raise InvalidArgument("units", [], "at least one unit, by id or name")
        ids = [self._id(reference) for reference in references]

        def work(tx: Transaction) -> Purged:
            policy.require_unit_role(tx, self.principal, "admin", ids)
            activity = record_activity(tx, self.principal, "purge")
            tx.touch(activity)
            return purge_units(tx, activity, ids)

        purged = self._session.store.write(work, operation="purge", principal=self.principal)
        self.finish_erasures()
        return purged

    def finish_erasures(self) -> int:
        """Delete the payloads of purged units that a crash left behind; how many there were."""
        payloads = list_erasures(self._session.store)

        def work(tx: Transaction) -> int:
            doomed = finish_erasures(tx, payloads)
            for payload in doomed:
                self._session.payloads.delete(payload)
            tx.touch(*doomed)
            return len(doomed)

        return self._session.store.write(work, operation="erase", principal=self.principal) if payloads else 0

    def _id(self, reference: str) -> str:
        try:
            return find_unit(self._session.store, self._classes(), reference).id
        except NotFound:
            return reference  # of a retired unit, or of none: told apart inside the transaction, by rights
