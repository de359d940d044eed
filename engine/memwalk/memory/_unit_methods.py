# SPDX-License-Identifier: Apache-2.0
"""`Memory`: units and their versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memwalk.memory._logged import logged
from memwalk.memory._view import View
from memwalk.units import find_unit, list_history, list_loadables

if TYPE_CHECKING:
    from memwalk.units import Loadable, Unit, UnitRef

__all__ = ["UnitMethods"]


class UnitMethods(View):
    """Units, one by one."""

    @logged("show", "reference")
    def show(self, reference: str) -> Unit:
        """One unit, by id, the beginning of an id, or name.

        Raises
        ------
        NotFound, InvalidArgument
        """
        return find_unit(self._session.store, self._classes(), reference)

    @logged("history", "unit")
    def history(self, unit: str | UnitRef) -> list[dict[str, Any]]:
        """The versions of a unit, newest first, with what made them and on whose behalf.

        Raises
        ------
        NotFound
        """
        reference = unit if isinstance(unit, str) else unit.id
        return list_history(self._session.store, self._classes(), self.show(reference).id)

    @logged("loadables")
    def loadables(self) -> list[Loadable]:
        """The KV blocks and adapters the principal may read, stale ones included and marked."""
        return list_loadables(self._session.store, self._classes())
