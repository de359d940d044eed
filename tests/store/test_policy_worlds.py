# SPDX-License-Identifier: Apache-2.0
"""Rights in small random worlds, against brute force: not one difference."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING

from tests.worlds.oracle import TIMES, make_world
from tests.worlds.packed import ask, build, compare_packed, differences, version_classes

if TYPE_CHECKING:
    import pytest

    from memwalk.store import Store

WORLDS = 200
OWNED = 12
SEED = 20261122


def test_worlds(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Many worlds in one store: what every principal reads, writes, administers and is shown at several times."""
    found, compared = compare_packed(store, range(WORLDS), SEED)
    with capsys.disabled():
        sys.stderr.write(f"\n{WORLDS} worlds, {compared} principals and times compared, {len(found)} differences\n")
    assert found == []


def test_worlds_with_owners(store: Store) -> None:
    """Worlds where principals administer the whole store at times, each principal asked for by itself."""
    chance = random.Random(SEED)
    worlds = [make_world(f"w{i}", chance, owners=True) for i in range(OWNED)]
    build(store, worlds)
    found, versions = [], version_classes(store)
    for world in worlds:
        for principal in world.principals:
            at = chance.randrange(-1, TIMES + 1)
            found += differences(world, principal, at, ask(store, worlds, versions, principal, at))
    assert found == []
