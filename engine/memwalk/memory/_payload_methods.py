# SPDX-License-Identifier: Apache-2.0
"""`Memory`: the payloads as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk import policy
from memwalk.memory._view import View
from memwalk.units import sweep_payloads

if TYPE_CHECKING:
    from memwalk.payloads import Sweep

__all__ = ["PayloadMethods"]


class PayloadMethods(View):
    """Payloads."""

    def sweep(self, *, dry_run: bool = False) -> Sweep:
        """Remove the payloads that no version names, and what killed writers left (administrators).

        Nothing younger than an hour goes, so nothing that somebody is about to name. Others may write meanwhile.

        Parameters
        ----------
        dry_run : bool
            Say what would go, and remove nothing.

        Raises
        ------
        NotPermitted
        ConfigurationError
            Other stores keep payloads in the same place, and theirs cannot be told from orphans.
        """
        policy.require_administrator(self._session.store, self.principal, "sweep the payloads of")
        return sweep_payloads(self._session.store, self._session.payloads, dry_run=dry_run)
