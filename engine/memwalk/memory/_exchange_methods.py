# SPDX-License-Identifier: Apache-2.0
"""`Memory`: a subgraph as one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk.memory._logged import logged
from memwalk.memory._view import View

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from memwalk.memory._graph_file import GraphReport
    from memwalk.progress import Progress
    from memwalk.units.exchange import Discarded, ExportReport, ImportReport

__all__ = ["ExchangeMethods"]


class ExchangeMethods(View):
    """Out of one store, into another."""

    @logged("export", "spaces", "units")
    def export(
        self,
        path: str | Path,
        *,
        spaces: Sequence[str] | None = None,
        units: Sequence[str] | None = None,
        replace: bool = False,
        progress: Progress | None = None,
    ) -> ExportReport:
        """Write what the principal may read into one file that another store can import.

        Units with their versions, provenance, edges, vectors and payloads; grants and denials where the principal
        administers; never the audit records. What is read is of one moment. The file is there whole, or not at all.

        Parameters
        ----------
        path : str or Path
        spaces : sequence of str, optional
            Only the units of these, with what they were made from.
        units : sequence of str, optional
            Only these, by id or name, with their parts, and what they were made from.
        replace : bool
            Write over a file that is there.
        progress : Progress, optional

        Raises
        ------
        NotFound, AlreadyExists, InvalidArgument, StorageFull, PayloadMissing, PayloadCorrupt
        """
        from memwalk.units import find_unit
        from memwalk.units.exchange import export_archive

        store, classes = self._session.store, self._classes()
        return export_archive(
            store,
            self._session.payloads,
            self.principal,
            path,
            spaces=spaces,
            units=None if units is None else [find_unit(store, classes, unit).id for unit in units],
            replace=replace,
            progress=progress,
        )

    @logged("export graph", "spaces")
    def export_graph(
        self, path: str | Path, *, spaces: Sequence[str] | None = None, replace: bool = False
    ) -> GraphReport:
        """Write the entities and facts that the principal may read as GraphML, for any graph program.

        Nodes have a ``name``, edges a ``predicate`` and a ``count``: how often readable passages state it. Added
        to an empty store, the file gives the same entities and facts.

        Parameters
        ----------
        path : str or Path
        spaces : sequence of str, optional
            Only what passages of these say.
        replace : bool
            Write over a file that is there.

        Raises
        ------
        NotFound, AlreadyExists, InvalidArgument, StorageFull
        """
        from memwalk.memory._graph_file import export_graph

        return export_graph(self._session, self.principal, path, spaces=spaces, replace=replace)

    def import_archive(
        self, path: str | Path, *, widen: bool = False, progress: Progress | None = None
    ) -> ImportReport:
        """Read an export file into the store (its administrators); what is there already, and the same, stays.

        The whole file is verified, and compared with the store, before anything is written.

        Parameters
        ----------
        path : str or Path
        widen : bool
            Take grants, denials and memberships on spaces and groups that were there before, too; they decide who
            may read what is there. Into a store without units they are taken anyway.
        progress : Progress, optional

        Raises
        ------
        NotPermitted, ArchiveCorrupt, ArchiveMismatch, ArchiveConflict, SchemaMismatch, StorageFull
        SourceNotFound, SourceNotReadable
        """
        from memwalk.units.exchange import import_archive

        session = self._session
        return import_archive(session.store, session.payloads, self.principal, path, widen=widen, progress=progress)

    def discard_imports(self) -> tuple[Discarded, ...]:
        """Take back what imports that were killed have left where nobody can read it (the store's administrators).

        Not needed if the file is still there: importing it again goes on. Run it while no import runs.

        Returns
        -------
        tuple of Discarded
            One for each unfinished import.

        Raises
        ------
        NotPermitted
        """
        from memwalk.units.exchange import discard_imports

        return discard_imports(self._session.store, self.principal)
