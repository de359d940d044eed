# SPDX-License-Identifier: Apache-2.0
"""What lies in the files below a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def files(folder: Path) -> dict[str, bytes]:
    """The bytes of all files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def holding(folder: Path, *needles: bytes) -> set[bytes]:
    """Which of these are in any file."""
    held = files(folder).values()
    return {needle for needle in needles if any(needle in data for data in held)}
