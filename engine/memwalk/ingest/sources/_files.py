# SPDX-License-Identifier: Apache-2.0
"""Finding files, and their bytes as text."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from memwalk.errors import InvalidArgument, SourceEmpty, SourceError, SourceNotFound, SourceNotReadable, SourceNotText

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Raw", "find_files", "read_bytes", "read_text_file", "stdin_uri"]


@dataclass(frozen=True, slots=True)
class Raw:
    """What a file holds, before it is read.

    Attributes
    ----------
    path : str
        What errors call it.
    uri : str
        Its address.
    stem : str
        Its name without the suffix: the title of a document that has none.
    data : bytes
    """

    path: str
    uri: str
    stem: str
    data: bytes

    @classmethod
    def of_file(cls, path: Path) -> Raw:
        """A file's.

        Raises
        ------
        SourceError
        """
        stem = os.fsencode(path.stem).decode("utf-8", "replace")
        return cls(str(path), path.resolve().as_uri(), stem, read_bytes(path))

    @classmethod
    def of_stream(cls, name: str, data: bytes) -> Raw:
        """What came through stdin, under the name that was given for it."""
        uri = stdin_uri(name)
        stem = PurePosixPath(unquote(urlsplit(uri).path)).stem or name
        return cls(name, uri, stem, data)

    def text(self, encoding: str = "utf-8-sig") -> str:
        """The content as text.

        Raises
        ------
        SourceNotText, SourceEmpty
        """
        try:
            text = self.data.decode(encoding)
        except UnicodeDecodeError as error:
            raise SourceNotText(self.path, f"byte {error.start}") from None
        if "\0" in text:
            raise SourceNotText(self.path, "it holds NUL bytes")
        if not text or text.isspace():
            raise SourceEmpty(self.path)
        return text


def stdin_uri(name: str) -> str:
    """The address of what comes through stdin under a name; a name that is an address stays as it is.

    Raises
    ------
    InvalidArgument

    Examples
    --------
    >>> stdin_uri("notes of today.md"), stdin_uri("https://example.org/page.html")
    ('stdin:notes%20of%20today.md', 'https://example.org/page.html')
    """
    if not name.strip() or not name.isprintable():
        raise InvalidArgument("name", name, "what to call the document, such as notes.md, or its address")
    return name if urlsplit(name).scheme and "://" in name else f"stdin:{quote(name)}"


def find_files(top: Path) -> Iterator[Path | SourceError]:
    """The regular files at or below a path, sorted; links that go in circles end."""
    entered: set[tuple[int, int]] = set()
    waiting = [top]
    while waiting:
        path = waiting.pop()
        try:
            status = path.stat()
            if stat.S_ISREG(status.st_mode):
                yield path
            elif not stat.S_ISDIR(status.st_mode):
                yield SourceNotText(path, "a device, socket or pipe")
            elif (status.st_dev, status.st_ino) not in entered:
                entered.add((status.st_dev, status.st_ino))
                below = sorted(child for child in path.iterdir() if not child.name.startswith("."))
                if not below:
                    yield SourceEmpty(path, "a folder without files")
                waiting += reversed(below)
        except (OSError, ValueError) as error:
            yield _refused(path, error)


def read_bytes(path: Path) -> bytes:
    """The content of a file.

    Raises
    ------
    SourceError
        It is missing, no regular file, or may not be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceNotText(path, "not a regular file")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise _refused(path, error) from None


def read_text_file(path: Path) -> str:
    """The text of a file that must be one.

    Raises
    ------
    SourceError
        It is missing, may not be read, is binary or in another encoding than UTF-8, or empty.
    """
    return Raw(str(path), "", "", read_bytes(path)).text()


def _refused(path: Path, error: OSError | ValueError) -> SourceError:
    """The source error for what the operating system said."""
    if isinstance(error, ValueError):  # a NUL in the name
        return SourceNotFound(path, str(error))
    if isinstance(error, FileNotFoundError | NotADirectoryError) or error.errno == errno.ENAMETOOLONG:
        return SourceNotFound(path)
    if isinstance(error, PermissionError):
        return SourceNotReadable(path)
    return SourceNotReadable(path, os.strerror(error.errno) if error.errno else str(error))
