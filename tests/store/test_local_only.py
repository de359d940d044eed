# SPDX-License-Identifier: Apache-2.0
"""What never leaves for a remote model: units of local-only spaces, and what was made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk import policy
from memwalk.units import NewUnit, put_units, record_activity

if TYPE_CHECKING:
    from memwalk.store import Store, Transaction

OWNER = "owner"


def test_what_was_made_of_it_stays_as_well(store: Store) -> None:
    """A summary of a summary of a diary is local-only, in whatever space; its neighbours are not."""
    policy.create_space(store, OWNER, "diary", local_only=True)

    def work(tx: Transaction) -> None:
        activity = record_activity(tx, OWNER, "test")
        put_units(tx, activity, [NewUnit("n", "Note", "n", "dear", "diary"), NewUnit("m", "Note", "m", "x", "default")])
        first = NewUnit("s", "Summary", "s", "about", "default", derived_from=(("n", 1), ("m", 1)))
        other = NewUnit("o", "Summary", "o", "about", "default", derived_from=(("m", 1),))
        put_units(tx, activity, [first, other])
        put_units(tx, activity, [NewUnit("t", "Summary", "t", "about", "default", derived_from=(("s", 1),))])

    store.write(work, operation="test", principal=OWNER)
    assert policy.local_only_units(store, ["n", "m", "s", "t", "o", "absent"]) == {"n", "s", "t"}
