# SPDX-License-Identifier: Apache-2.0
"""`Memory`: purging."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk import policy
from memwalk.errors import InvalidArgument, NotFound
from memwalk.memory._extractors import answers_of
from memwalk.memory._view import View
from memwalk.units import find_unit, finish_erasures, list_erasures, purge_units, record_activity, require_own_payloads

if TYPE_CHECKING:
    from memwalk.progress import Progress
    from memwalk.store import Transaction
    from memwalk.units import Purged

__all__ = ["PurgeMethods"]


class PurgeMethods(View):
    """Erasure."""

    def purge(self, *references: str) -> Purged:
        """Remove units for good, with all that was made of them; retired ones too (administrators of each unit).

        Gone at once and for everybody: content, versions, vectors, payloads, derived KV blocks, adapters,
        summaries and answers, the questions of generations that used them, and this machine's files of the
        walk graph; those of another machine are deleted when it next searches. An audit record without
        content stays. What Neo4j has not yet overwritten in its files goes with `purge_files`.

        Parameters
        ----------
        *references : str
            Ids, beginnings of ids, or names; a retired unit by its id.

        Raises
        ------
        NotFound, NotPermitted, InvalidArgument
        ConfigurationError
            Another store keeps payloads in the same place, and nothing was purged; or the walk graph's files
            cannot be deleted, and all else was.
        """
        if not references:
            raise InvalidArgument("units", [], "at least one unit, by id or name")
        ids = [self._id(reference) for reference in references]

        def work(tx: Transaction) -> Purged:
            policy.require_unit_role(tx, self.principal, "admin", ids)
            activity = record_activity(tx, self.principal, "purge")
            tx.touch(activity)
            purged = purge_units(tx, activity, ids)
            if purged.payloads:
                require_own_payloads(tx, self._session.payloads)
            return purged

        purged = self._session.store.write(work, operation="purge", principal=self.principal)
        self.finish_erasures()
        answers_of(self._session).clear()
        self._session.present.delete_files(self._session.store)
        return purged

    def purge_files(self, progress: Progress | None = None) -> tuple[int, int]:
        """Make the database's files anew, without what was ever deleted (the store's administrators; local stores).

        A purge is complete at once for everybody who asks; Neo4j's files keep the bytes until they are overwritten.
        Others wait meanwhile. Backups and exports made before are not reached.

        Returns
        -------
        nodes, edges
            How many the graph has.

        Raises
        ------
        NotPermitted, InvalidArgument, ConfigurationError, StorageFull, ServerFailed
        """
        from memwalk.store import rebuild

        session = self._session
        policy.require_administrator(session.store, self.principal, "rebuild the files of")
        if session.server is None:
            raise InvalidArgument(
                "store",
                session.store.uri,
                "a data directory: memwalk does not stop somebody's own Neo4j. Copy that database into a fresh one",
            )
        self.finish_erasures()
        session.present.delete_files(session.store)
        session.store.write(lambda tx: tx.touch("memwalk"), operation="purge files", principal=self.principal)
        return rebuild(session.server, progress)

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
