# SPDX-License-Identifier: Apache-2.0
"""Ten thousand small random worlds of rights, against brute force: not one difference."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from tests.conftest import OWNER, wipe
from tests.worlds.packed import compare_packed

from memwalk import policy
from memwalk.config import LTS
from memwalk.store import migrate

if TYPE_CHECKING:
    import pytest

    from memwalk.store import Store

PACKED = 1_000
SEED = 4


def test_ten_thousand_worlds(store: Store, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    """10,000 worlds on the LTS and 2,000 on the current release, a thousand in one store at a time."""
    worlds = 10_000 if f"[{LTS}" in request.node.name else 2_000
    started, compared = time.monotonic(), 0
    for first in range(0, worlds, PACKED):
        wipe(store)
        migrate(store)
        policy.set_owner(store, OWNER)
        found, count = compare_packed(store, range(first, first + PACKED), SEED)
        compared += count
        assert found == []
    with capsys.disabled():
        seconds = time.monotonic() - started
        sys.stderr.write(f"\n{worlds} worlds, {compared} principals and times, 0 differences, {seconds:.0f} s\n")
