# SPDX-License-Identifier: Apache-2.0
"""When the disk of a local server is taken to be full."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["is_full"]

_LITTLE_SPACE = 16 << 20
"""Bytes below which a failing server is taken to lack room: more than a file of its transaction log."""


def is_full(disk: Path) -> bool:
    """Whether so little room is left there that a server may fail for it."""
    return shutil.disk_usage(disk).free < _LITTLE_SPACE
