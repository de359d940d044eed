# SPDX-License-Identifier: Apache-2.0
"""Purge: what a unit said leaves the graph, whatever was made of it with it; an audit record without content stays.

Purged with a unit are a document's passages and a conversation's messages, those of every time; what was
derived from any of its versions, through any number of steps (KV blocks, adapters, summaries, answers), and
the questions of such answers; messages that quote one of its texts whole; entities and facts that nothing
else ever evidenced. Questions of generations that loaded it are blanked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from memwalk.store import FOREVER
from memwalk.units._kinds import DERIVED
from memwalk.units._write import lock_units, retire_units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memwalk.store import Reader, Transaction

__all__ = ["Purged", "claim_payload", "finish_erasures", "list_erasures", "purge_units"]

QUOTED = 24
"""Characters from which on a text is recognised inside another; a shorter one would be found by chance."""


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge removed."""

    units: tuple[str, ...]
    """Ids, sorted: those asked for, and all that went with them."""
    blanked: int
    """Generation records whose question was removed."""
    payloads: tuple[str, ...]
    """Sha256 of the payloads that no version names any more."""


def purge_units(tx: Transaction, activity: str, ids: Sequence[str]) -> Purged:
    """Remove units and all that was made of them; retired ones too. Who may is decided by the caller.

    Their payloads are noted in the graph as to be deleted; `list_erasures` and `finish_erasures` serve
    who deletes them when the transaction is committed, or after a crash.
    """
    found = _closure(tx, set(ids))
    concepts = tx.run("units/list_purged_concepts", ids=sorted(found))
    doomed = sorted(found | {row["id"] for row in concepts if not row["elsewhere"]})
    texts = _texts(tx, doomed)
    blanked = tx.run("units/blank_generations", ids=doomed, **texts)[0]["count"]
    payloads = [row["payload"] for row in tx.run("units/list_purged_payloads", ids=doomed)]
    tx.run("units/delete_units", ids=doomed)
    tx.run("units/create_erasures", payloads=payloads)
    shared = sorted(row["id"] for row in concepts if row["elsewhere"])
    retire_units(tx, activity, [row["id"] for row in tx.run("units/list_bare_concepts", ids=shared, forever=FOREVER)])
    tx.touch(*doomed)
    return Purged(tuple(doomed), blanked, tuple(payloads))


def list_erasures(reader: Reader) -> list[str]:
    """Sha256 of payloads whose last version was purged, and which may still be there."""
    return [row["payload"] for row in reader.read("units/list_erasures")]


def finish_erasures(tx: Transaction, payloads: Sequence[str]) -> list[str]:
    """Take payloads off the list, to delete them in this transaction.

    Returns
    -------
    list of str
        Those to delete; one that a version names again is kept.
    """
    tx.run("units/lock_erasures")
    rows = tx.run("units/delete_erasures", payloads=sorted(payloads))
    return [row["payload"] for row in rows if not row["named"]]


def claim_payload(tx: Transaction, payload: str) -> None:
    """Take a payload that this transaction will name off the list; then put it once more, before naming it.

    Whoever deletes it holds the same lock until that is committed: so a payload that is named is there.
    """
    tx.run("units/lock_erasures")
    tx.run("units/delete_erasures", payloads=[payload])


def _closure(tx: Transaction, ids: set[str]) -> set[str]:
    """The units that go with these, locked: parts, what was derived, questions of answers, messages that quote.

    Who derives a unit locks its sources, so nothing joins the closure of units that are locked.
    """
    found: set[str] = set()
    while ids - found:
        found |= ids
        lock_units(tx, found)
        near = tx.run("units/list_purge_dependents", ids=sorted(found), kinds=list(DERIVED))
        quotes = tx.run("units/list_quotes", **_texts(tx, sorted(found)))
        ids = {row["id"] for row in (*near, *quotes)}
    return found


def _texts(tx: Transaction, ids: Sequence[str]) -> dict[str, list[str]]:
    """The texts that tell a quotation: long ones wherever they are contained, short ones that are all of it."""
    texts = {row["text"] for row in tx.run("units/list_texts", ids=list(ids))}
    return {
        "contained": sorted(text for text in texts if len(text) >= QUOTED),
        "equal": sorted(text for text in texts if len(text) < QUOTED),
    }
