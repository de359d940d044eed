# SPDX-License-Identifier: Apache-2.0
"""Thousands of small random worlds: what a walk gives is what it would give without all that may not be read."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from tests.walk_checks import check_classes_change_nothing, check_the_unreadable_changes_nothing

if TYPE_CHECKING:
    import pytest

WORLDS = 2_000


def test_two_thousand_worlds(capsys: pytest.CaptureFixture[str]) -> None:
    """Each world by readers of none to three of its classes, by push, forced push and exact walks, against a graph of
    what each may read alone: the same results in the same order, the same scores (of exact walks to 1e-9)."""
    started = time.monotonic()
    searches = sum(map(check_the_unreadable_changes_nothing, range(WORLDS)))
    with capsys.disabled():
        seconds = time.monotonic() - started
        sys.stderr.write(f"\n{WORLDS} worlds, {searches} searches compared, 0 differences, {seconds:.0f} s\n")


def test_however_parted_into_classes(capsys: pytest.CaptureFixture[str]) -> None:
    """Each world as it is and in one class, by who may read all of it: the same results to the last bit."""
    searches = sum(map(check_classes_change_nothing, range(WORLDS)))
    with capsys.disabled():
        sys.stderr.write(f"\n{WORLDS} worlds, {searches} searches compared, 0 differences\n")
