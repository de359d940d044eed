# SPDX-License-Identifier: Apache-2.0
"""The random password of a new data directory."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from memwalk.errors import ServerFailed
from memwalk.store.server._admin import admin_failure, run_admin
from memwalk.store.server._files import write_private

if TYPE_CHECKING:
    from memwalk.progress import Progress
    from memwalk.store.server._archive import Archive
    from memwalk.store.server._files import Files

__all__ = ["set_password"]

_ADMIN_SECONDS = 120.0


def set_password(files: Files, archive: Archive, progress: Progress | None) -> None:
    """Choose the password; its file is there only once Neo4j knows it.

    Raises
    ------
    ServerFailed, StorageFull
    """
    if (files.data / "databases").exists():
        raise ServerFailed(
            f"{files.password} is missing, and the database beside it was made with it: put it back, or "
            f"use another data directory"
        )
    if progress:
        progress("first start: setting a password", 0, None)
    chosen = files.password.with_name("password.new")
    write_private(chosen, secrets.token_hex(24) + "\n")
    # From a file: a command line is for all to see.
    result = run_admin(files, archive, "dbms", "set-initial-password", f"@{chosen}", seconds=_ADMIN_SECONDS)
    if result.returncode != 0:
        raise admin_failure(files, "set the first password", result.stdout + result.stderr)
    chosen.replace(files.password)
