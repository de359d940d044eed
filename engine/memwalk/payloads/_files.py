# SPDX-License-Identifier: Apache-2.0
"""What a payload store needs of the place where its files lie, and how that place's refusals are told."""

from __future__ import annotations

import contextlib
import errno
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from memwalk.errors import ConfigurationError, StorageFull, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from contextlib import AbstractContextManager

__all__ = ["CHUNK", "SCRATCH", "Draft", "Files", "Found", "path_of", "place_errors", "sha256_of"]

CHUNK = 4 << 20
"""Bytes read or written at a time."""

SCRATCH = "tmp"
"""Folder of what is being written."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PAYLOAD = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})\.safetensors")


@dataclass(frozen=True, slots=True)
class Found:
    """A file in the place."""

    path: str
    """Below the root."""
    size: int
    """Bytes."""
    modified: float
    """Seconds since the epoch, by the place's own clock."""


class Draft(Protocol):
    """A payload being written."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append."""

    def publish(self, path: str) -> None:
        """Make it durable, then give it its name, in place of an old file of that name.

        Raises
        ------
        StoreBusy
            A sweep came in between; nothing was published.
        """


class Files(Protocol):
    """A place for files, by paths below a root. A missing file is a `FileNotFoundError`."""

    def read(self, path: str) -> bytes:
        """A whole file."""

    def chunks(self, path: str) -> Generator[bytes]:
        """A file in pieces of `CHUNK` bytes."""

    def draft(self) -> AbstractContextManager[Draft]:
        """Begin a file; what was not published is removed on leaving."""

    def renew(self, path: str) -> bool:
        """Set a file's age to nothing; False where there is none. No sweep removes it after that."""

    def found(self) -> Iterator[Found]:
        """Every file."""

    def now(self) -> float:
        """What a file written now would have as `modified`."""

    def remove(self, path: str) -> bool:
        """Remove a file; whether it was there."""

    def remove_older(self, paths: Iterable[str], cutoff: float) -> Iterator[str]:
        """Remove those of the files that are older than a time, and yield them.

        Finding the age and removing is one step: no `publish` or `renew` of the file comes in between unseen.
        """


def path_of(sha256: str) -> str:
    """Where a payload lies."""
    return f"{sha256[:2]}/{sha256}.safetensors"


def sha256_of(path: str) -> str | None:
    """The payload that lies there; None for any other file."""
    match = _PAYLOAD.fullmatch(path)
    return match[2] if match else None


@contextlib.contextmanager
def place_errors(url: str, act: str) -> Iterator[None]:
    """Tell what a file system refuses in our words.

    Parameters
    ----------
    url : str
    act : str
        ``read`` or ``written``.

    Raises
    ------
    StorageFull, ConfigurationError, StoreUnavailable
    FileNotFoundError
        As it is: the caller knows what is missing.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except (ConnectionError, TimeoutError) as error:
        raise StoreUnavailable(url, str(error)) from error
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(url, "a payload was not stored") from error
        where: Any = error.filename or url
        expected = f"a place that can be {act} ({where}: {error.strerror or error})"
        raise ConfigurationError("MEMWALK_PAYLOADS", url, expected) from error
