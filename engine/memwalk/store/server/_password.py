# SPDX-License-Identifier: Apache-2.0
"""The random password of a new data directory."""

from __future__ import annotations

import secrets
import subprocess
from typing import TYPE_CHECKING

from memwalk.errors import ServerFailed, StorageFull
from memwalk.store.server._configuration import java_environment, java_path
from memwalk.store.server._failure import full_disk
from memwalk.store.server._files import write_private
from memwalk.store.server._process import home_option

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
    command = [
        java_path(),
        f"@{files.arguments}",
        home_option(files.home),
        *archive.options(None),
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "org.neo4j.cli.AdminTool",
        "dbms",
        "set-initial-password",
        f"@{chosen}",  # from a file: a command line is for all to see
    ]
    try:
        result = subprocess.run(
            command,
            env=java_environment(files),
            cwd=files.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ADMIN_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ServerFailed(f"neo4j-admin did not set the first password within {_ADMIN_SECONDS:.0f} s") from error
    if result.returncode != 0:
        output = result.stdout + result.stderr
        if full_disk(output):
            raise StorageFull(files.home.parent)
        raise ServerFailed(f"neo4j-admin could not set the first password: {output.strip()[-500:]}")
    chosen.replace(files.password)
