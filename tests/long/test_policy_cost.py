# SPDX-License-Identifier: Apache-2.0
"""A grant on a space of 50,000 units: the same queries and database hits as on one of 500."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.store.test_policy_cost import measure

if TYPE_CHECKING:
    import pytest

    from memwalk.store import Store

SIZES = (500, 50_000)


def test_a_grant_on_fifty_thousand_units(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It takes effect with the next read, at a cost that is the same as on a hundredth of the units."""
    found = measure(store, SIZES, monkeypatch)
    with capsys.disabled():
        for size, costs in found.items():
            sys.stderr.write(f"\n{size} units: (queries, database hits) of each change and read: {costs}")
    assert found[SIZES[0]] == found[SIZES[1]]
