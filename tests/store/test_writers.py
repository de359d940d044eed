# SPDX-License-Identifier: Apache-2.0
"""Several processes write at once: nothing is lost, nothing is seen in part."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests import writers

from memwalk.config import CURRENT, LTS, Settings, StoreSettings
from memwalk.store.server import LocalServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from memwalk.store import Store


@pytest.fixture
def reach(
    request: pytest.FixtureRequest, store: Store, store_settings: Callable[[str], StoreSettings]
) -> StoreSettings:
    """How other processes reach the `store`."""
    return store_settings(request.node.callspec.params["store"])


def test_shared_updates(store: Store, reach: StoreSettings) -> None:
    """4 processes update the same 20 units 30 times each: no update is lost, a follower sees each once, in order."""
    writers.run_shared_updates(store, reach, writers=4, count=30)


def test_whole_commits(store: Store, reach: StoreSettings) -> None:
    """A follower of the change sequence sees commits of 500 units whole, whichever index it looks through."""
    writers.run_batches(store, reach, writers=2, batches=4, size=500)


@pytest.mark.parametrize("version", [LTS, CURRENT])
def test_first_writes(version: str, tmp_path: Path, settings: Settings) -> None:
    """4 processes set up one empty database and write to it at once: migrated once, one owner, each unit once."""
    server = LocalServer(
        tmp_path, replace(settings.server, version=version, idle_seconds=30.0), settings.cache_directory()
    )
    with server.join() as lease:
        at = lease.endpoint
        writers.run_founding(StoreSettings(at.uri, at.username, at.password, at.database), 4)
    server.stop()
