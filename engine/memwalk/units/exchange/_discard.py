# SPDX-License-Identifier: Apache-2.0
"""Taking back what an import staged and did not finish: nobody could ever read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from memwalk import policy
from memwalk.store import FOREVER
from memwalk.units._write import record_activity, retire_units

if TYPE_CHECKING:
    from memwalk.store import Store, Transaction

__all__ = ["Discarded", "discard_imports", "discard_stage"]

BATCH_UNITS = 1_000
_PREFIX = "import:"


@dataclass(frozen=True, slots=True)
class Discarded:
    """What was taken back of one unfinished import."""

    seal: str
    """Of its file, as in the audit."""
    units: int
    """Units taken back."""
    kept: int
    """Units that readable ones of the same import are made from or have as parts: they stay, unreadable."""


def discard_imports(store: Store, principal: str) -> tuple[Discarded, ...]:
    """Take back what unfinished imports have staged (administrators of the store).

    What an import had revealed before it was stopped is whole, and stays. An import that runs meanwhile
    fails, as it finds its units gone. Payloads that nothing names then are swept.

    Parameters
    ----------
    store : Store
    principal : str

    Returns
    -------
    tuple of Discarded
        One for each unfinished import, by seal.

    Raises
    ------
    NotPermitted, UnknownPrincipal
    """
    policy.require_administrator(store, principal, "discard imports of")
    found = []
    for row in store.read("exchange/count_staged"):
        discard_stage(store, principal, row["stage"], limit=BATCH_UNITS)
        left = {other["stage"]: other["units"] for other in store.read("exchange/count_staged")}
        kept = left.get(row["stage"], 0)
        found.append(Discarded(row["stage"].removeprefix(_PREFIX), row["units"] - kept, kept))
    return tuple(found)


def discard_stage(store: Store, principal: str, stage: str, *, limit: int) -> None:
    """Take back the units of one stage, some in each transaction; each says how many in the audit.

    Parameters
    ----------
    store : Store
    principal : str
        Who is recorded; whether they may is decided by the caller.
    stage : str
        The policy class that stands for it.
    limit : int
        Units in one transaction.
    """

    def work(tx: Transaction) -> int:
        ids = [row["id"] for row in tx.run("exchange/list_discardable", stage=stage, limit=limit)]
        if not ids:  # nothing is written, and nothing to record
            return 0
        concepts = [row["id"] for row in tx.run("units/list_purged_concepts", ids=ids)]
        tx.run("exchange/discard_units", ids=ids, stage=stage)
        shown = [row["id"] for row in tx.run("exchange/list_present", ids=concepts) if row["policy_class"] is None]
        bare = [row["id"] for row in tx.run("units/list_bare_concepts", ids=shown, forever=FOREVER)]
        if bare:  # revealed before the import was stopped, and now without evidence
            retire_units(tx, record_activity(tx, principal, "import"), bare)
        tx.touch("memwalk")
        tx.tell(archive=stage.removeprefix(_PREFIX), discarded=len(ids))
        return len(ids)

    while store.write(work, operation="import", principal=principal):
        pass
