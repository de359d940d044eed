# SPDX-License-Identifier: Apache-2.0
"""Many processes write at once, for long: nothing is lost, nothing is seen in part."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from tests import writers

if TYPE_CHECKING:
    from collections.abc import Callable

    from memwalk.config import StoreSettings
    from memwalk.store import Store


@pytest.fixture
def reach(
    request: pytest.FixtureRequest, store: Store, store_settings: Callable[[str], StoreSettings]
) -> StoreSettings:
    """How other processes reach the `store`."""
    return store_settings(request.node.callspec.params["store"])


def test_shared_updates(store: Store, reach: StoreSettings, capsys: pytest.CaptureFixture[str]) -> None:
    """8 processes update the same 20 units 200 times each: no update is lost, a follower sees each once, in order."""
    stale = writers.run_shared_updates(store, reach, writers=8, count=200)
    with capsys.disabled():
        sys.stderr.write(f"\n8 processes x 200 updates of 20 units: 1600 acknowledged, none lost; {stale} were stale\n")


def test_whole_commits(store: Store, reach: StoreSettings, capsys: pytest.CaptureFixture[str]) -> None:
    """Followers of the change sequence see commits of 2,000 units whole, whichever index they look through.

    How often one that reads the counter without its lock saw a part is printed: there is something to see.
    """
    seen, naive = writers.run_batches(store, reach, writers=3, batches=14, size=2_000)
    with capsys.disabled():
        sys.stderr.write(
            f"\n{seen.changes} commits of 2000 units: {seen.parts} seen in part through the change sequence; "
            f"{naive.parts} of {naive.changes} looks by counter and index alone\n"
        )
