# SPDX-License-Identifier: Apache-2.0
"""neo4j-admin, which lies on the server's class path."""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from memwalk.errors import ServerFailed, StorageFull
from memwalk.store.server._configuration import java_environment, java_path
from memwalk.store.server._failure import full_disk
from memwalk.store.server._process import home_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memwalk.store.server._archive import Archive
    from memwalk.store.server._files import Files

__all__ = ["admin_command", "admin_failure", "read_from_admin", "run_admin", "write_to_admin"]

_DETAIL = 500
"""Characters of its output that are told."""


def admin_command(files: Files, archive: Archive, *arguments: str) -> list[str]:
    """The command line of one call; the home's `java.args` is written."""
    return [
        java_path(),
        f"@{files.arguments}",
        home_option(files.home),
        *archive.options(None),
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "org.neo4j.cli.AdminTool",
        *arguments,
    ]


def admin_failure(files: Files, what: str, output: str) -> StorageFull | ServerFailed:
    """The error for a call that failed."""
    if full_disk(output):
        return StorageFull(files.home.parent)
    return ServerFailed(f"neo4j-admin could not {what}: {output.strip()[-_DETAIL:]}")


def run_admin(
    files: Files, archive: Archive, *arguments: str, seconds: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run it to its end, whatever it says.

    Raises
    ------
    ServerFailed
        It did not end in time.
    """
    try:
        return subprocess.run(
            admin_command(files, archive, *arguments),
            env=java_environment(files),
            cwd=files.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        what = " ".join(arguments[:2])
        raise ServerFailed(f"neo4j-admin {what} did not end within {seconds:.0f} s") from error


@contextmanager
def read_from_admin(files: Files, archive: Archive, what: str, *arguments: str) -> Iterator[IO[bytes]]:
    """What it writes, as a stream to be read to its end.

    Raises
    ------
    ServerFailed, StorageFull
        It failed; known at the end.
    """
    with _running(files, archive, what, arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield process.stdout


@contextmanager
def write_to_admin(files: Files, archive: Archive, what: str, *arguments: str) -> Iterator[IO[bytes]]:
    """A stream that it reads.

    Raises
    ------
    ServerFailed, StorageFull
        It failed; known at the end.
    """
    with _running(files, archive, what, arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        yield process.stdin


@contextmanager
def _running(
    files: Files, archive: Archive, what: str, arguments: tuple[str, ...], *, stdin: int, stdout: int
) -> Iterator[subprocess.Popen[bytes]]:
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            admin_command(files, archive, *arguments),
            env=java_environment(files),
            cwd=files.home,
            stdin=stdin,
            stdout=stdout,
            stderr=said,
        ) as process,
    ):
        try:
            try:
                yield process
                if process.stdin is not None:
                    process.stdin.close()
            except BrokenPipeError:
                pass  # it ended early; the reason is in what it said
            failed = process.wait() != 0
        except BaseException:
            process.kill()
            raise
        if failed:
            said.seek(0)
            raise admin_failure(files, what, said.read().decode(errors="replace"))
