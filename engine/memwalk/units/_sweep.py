# SPDX-License-Identifier: Apache-2.0
"""Sweeping: payloads that no version names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk.errors import ConfigurationError
from memwalk.payloads import GRACE_SECONDS

if TYPE_CHECKING:
    from memwalk.payloads import PayloadStore, Sweep
    from memwalk.store import Reader, Store

__all__ = ["require_own_payloads", "sweep_payloads"]


def require_own_payloads(reader: Reader, payloads: PayloadStore) -> None:
    """Refuse to delete payloads where other stores keep theirs too.

    Raises
    ------
    ConfigurationError
    """
    others = payloads.owners() - {reader.read("store/get_store")[0]["uuid"]}
    if others:
        expected = (
            f"a place of one store alone, to delete there; stores {', '.join(sorted(others))} put payloads here too"
        )
        raise ConfigurationError("MEMWALK_PAYLOADS", payloads.url, expected)


def sweep_payloads(
    store: Store, payloads: PayloadStore, *, older_than: float = GRACE_SECONDS, dry_run: bool = False
) -> Sweep:
    """Remove the payloads that no version of a store names, and what killed writers left.

    Parameters
    ----------
    store : Store
    payloads : PayloadStore
    older_than : float
        Seconds; see `PayloadStore.sweep`.
    dry_run : bool
        Remove nothing.

    Raises
    ------
    ConfigurationError
        Other stores keep payloads in the same place, and theirs cannot be told from orphans.
    """
    require_own_payloads(store, payloads)

    def named() -> set[str]:
        return {row["payload"] for row in store.stream("units/list_payloads")}

    return payloads.sweep(named, older_than=older_than, dry_run=dry_run)
