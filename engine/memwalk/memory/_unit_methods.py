# SPDX-License-Identifier: Apache-2.0
"""`Memory`: units and their versions."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from memwalk import units
from memwalk.memory._logged import logged
from memwalk.memory._view import View
from memwalk.units import find_unit, forget_units, list_loadables

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from memwalk.store import Reader
    from memwalk.units import Difference, Lineage, Loadable, Unit, UnitChange, UnitRef, UnitRevert

__all__ = ["UnitMethods"]


class UnitMethods(View):
    """Units: found, listed, written, changed, forgotten, and where they come from."""

    # --- reading -----------------------------------------------------------------------------------

    @logged("show", "reference")
    def show(
        self,
        reference: str | UnitRef,
        *,
        retired: bool = False,
        at: int | None = None,
        valid_at: int | None = None,
    ) -> Unit:
        """One unit, by id, the beginning of an id, or name.

        Parameters
        ----------
        reference : str or UnitRef
            A `UnitRef` shows that version.
        retired : bool
            Retired ones too; a live one of that name is meant first.
        at : int, optional
            System time (ms): as it was then, whether or not it was retired since. None: now.
        valid_at : int, optional
            World time (ms): only if what it says holds then.

        Raises
        ------
        NotFound, InvalidArgument
        """
        classes = self._classes()
        with self._reader(at) as reader:
            if not isinstance(reference, str):
                return units.get_version(reader, classes, reference.id, reference.seq)
            if at is None and valid_at is None:
                return find_unit(reader, classes, reference, retired=retired)
            known = units.get_units(reader, classes, [reference], at=at, valid_at=valid_at)
            if reference in known:
                return known[reference]
            found = find_unit(reader, classes, reference, retired=at is not None)
            return units.get_unit(reader, classes, found.id, at=at, valid_at=valid_at)

    @logged("list", "space", "kind")
    def list(
        self,
        *,
        space: str | None = None,
        kind: str | None = None,
        tags: Sequence[str] = (),
        state: str | None = "live",
        at: int | None = None,
        valid_at: int | None = None,
        limit: int = 100,
        after: str = "",
    ) -> list[Unit]:
        """A page of the units the principal may read, in the order of their ids.

        Parameters
        ----------
        space, kind : str, optional
            Of this space or kind alone.
        tags : sequence of str
            With all of these tags.
        state : str, optional
            ``live`` or ``retired``; None: both.
        at : int, optional
            System time (ms): as they were then. None: now.
        valid_at : int, optional
            World time (ms): only what holds then.
        limit : int
            Most units of the page.
        after : str
            The id of the last unit of the page before.

        Raises
        ------
        InvalidArgument
        """
        classes = self._classes()
        with self._reader(at) as reader:
            return units.list_units(
                reader,
                classes,
                space=space,
                kind=kind,
                tags=tags,
                state=state,
                at=at,
                valid_at=valid_at,
                limit=limit,
                after=after,
            )

    @logged("history", "unit")
    def history(self, unit: str | UnitRef) -> builtins.list[dict[str, Any]]:
        """The versions of a unit, retired or not, newest first: what made them, on whose behalf, from what.

        Raises
        ------
        NotFound, InvalidArgument
        """
        return units.list_history(self._session.store, self._classes(), self._any(unit))

    @logged("diff", "unit")
    def diff(self, unit: str | UnitRef, a: int, b: int) -> Difference:
        """What differs between two versions of a unit, field by field.

        Raises
        ------
        NotFound, InvalidArgument
        """
        return units.diff(self._session.store, self._classes(), self._any(unit), a, b)

    @logged("lineage", "unit")
    def lineage(self, unit: str | UnitRef, *, direction: str = "both", depth: int = 10) -> Lineage:
        """What a unit was made from (up), and what depends on it (down), as far as it may be read.

        Raises
        ------
        NotFound, InvalidArgument
        """
        return units.lineage(self._session.store, self._classes(), self._any(unit), direction=direction, depth=depth)

    @logged("stale", "space")
    def stale(self, *, space: str | None = None, limit: int = 100, after: str = "") -> builtins.list[Unit]:
        """A page of the units that were made of versions that are no longer so, in the order of their ids."""
        return units.list_stale(self._session.store, self._classes(), space=space, limit=limit, after=after)

    @logged("loadables")
    def loadables(self) -> builtins.list[Loadable]:
        """The KV blocks and adapters the principal may read, stale ones included and marked."""
        return list_loadables(self._session.store, self._classes())

    # --- writing -----------------------------------------------------------------------------------

    def add_units(self, units: Iterable[Mapping[str, Any]], *, space: str = "default") -> builtins.list[UnitRef]:
        """Add notes and summaries, given as JSON objects: all of them or none.

        Parameters
        ----------
        units : iterable of mapping
            ``text``, and what else there is to say: ``kind`` (``Note`` if not given, or ``Summary``),
            ``space``, ``key`` (the principal's own name for the unit: adding again under it changes that
            unit, or nothing), ``name``, ``tags``, ``metadata`` (JSON, 16 kB), ``valid_from`` and
            ``valid_to`` (world time, ms), ``derived_from`` (ids of units, or ``id@number`` for exact
            versions): those who may not read all of these may not read the new unit.
        space : str
            Where those go that do not say.

        Returns
        -------
        list of UnitRef
            Their versions, in the order given.

        Raises
        ------
        NotFound, NotPermitted, InvalidArgument
        """
        from memwalk.memory._hand import add_units

        return add_units(self._session, self.principal, units, space=space)

    def update(self, changes: Iterable[UnitChange | Mapping[str, Any]]) -> builtins.list[UnitRef]:
        """Change units, each if it still is at the version that was read: all of them or none.

        Parameters
        ----------
        changes : iterable of UnitChange or mapping
            As a JSON object: ``id``, ``version``, and the new values: ``name``, ``text``, ``tags``,
            ``metadata``, ``valid_from``, ``valid_to``, ``derived_from``. Which may be changed depends on
            the kind; tags, metadata and validity always. A passage is read again: what it no longer
            evidences goes.

        Returns
        -------
        list of UnitRef
            The heads, in the order given; a change that changes nothing makes no version.

        Raises
        ------
        StaleVersion
            Another writer was faster; nothing was written.
        NotFound, NotPermitted, WrongState, InvalidArgument
        """
        from memwalk.memory._hand import update

        return update(self._session, self.principal, changes)

    def revert(self, reverts: Iterable[UnitRevert | Mapping[str, Any]]) -> builtins.list[UnitRef]:
        """Make units say again what earlier versions said: all of them or none. A retired unit lives again.

        Parameters
        ----------
        reverts : iterable of UnitRevert or mapping
            As a JSON object: ``id``, ``version`` (the head that was read), ``to``.

        Raises
        ------
        StaleVersion, NotFound, NotPermitted, InvalidArgument
        """
        from memwalk.memory._hand import revert

        return revert(self._session, self.principal, reverts)

    def forget(self, *units: str | UnitRef) -> builtins.list[str]:
        """Retire units: all of them or none. Their history stays, `revert` brings them back.

        A document takes its passages along, a conversation its messages; entities and facts go with the
        last passage that says so. What was made of them is stale, and not loaded.

        Returns
        -------
        list of str
            The units and their parts.

        Raises
        ------
        NotFound, NotPermitted, WrongState, InvalidArgument
        """
        ids = [self._any(unit) for unit in units]
        return self._session.store.write(lambda tx: forget_units(tx, ids), operation="forget", principal=self.principal)

    @contextmanager
    def _reader(self, at: int | None) -> Iterator[Reader]:
        """What to read through: as of a time, with no commit under way.

        Of one, the end of a version may show before the next version. Heads are never seen so.
        """
        if at is None:
            yield self._session.store
        else:
            with self._session.store.paused() as reader:
                yield reader

    def _any(self, unit: str | UnitRef) -> str:
        """The id of a unit, retired or not."""
        if not isinstance(unit, str):
            return unit.id
        return find_unit(self._session.store, self._classes(), unit, retired=True).id
