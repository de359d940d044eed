# SPDX-License-Identifier: Apache-2.0
"""Files and folders as documents."""

from __future__ import annotations

import errno
import json
import os
import stat
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from memwalk.errors import SourceEmpty, SourceError, SourceMalformed, SourceNotFound, SourceNotReadable, SourceNotText
from memwalk.ingest._markdown import Markup, read_markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

__all__ = ["FORMATS", "Source", "read_sources", "read_text_file"]


@dataclass(frozen=True, slots=True)
class Source:
    """One document as it was read.

    Attributes
    ----------
    uri : str
        Its identity: the ``file:`` address of the file; for a row of a corpus, with the row's title as
        the fragment (``#2`` and so on added where the title occurs again).
    title : str
        What the document calls itself, else the file's name without its suffix.
    text : str
        What a reader reads, and what is cut into passages: the file's text, without markup.
    format : str
        ``text``, ``markdown`` or ``hipporag``.
    is_titled : bool
        Whether the title is the document's own, so that it says what the document is about. A file's name
        does not.
    markup : Markup, optional
        Of a marked-up text: the text as it stands in the file, and where each piece of it stands there.
    """

    uri: str
    title: str
    text: str
    format: str
    is_titled: bool = False
    markup: Markup | None = None

    @property
    def original(self) -> str:
        """The text as it stands in the source: with its markup."""
        return self.markup.source if self.markup else self.text

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """Where ``text[start:end]`` stands in the original, in characters."""
        return self.markup.locate(start, end) if self.markup else (start, end)


def read_sources(path: Path, exclude: Collection[Path] = ()) -> Iterator[Source | SourceError]:
    """Read a file, or every file below a folder.

    What cannot be read is yielded as the error that says why, in its place; nothing is raised for it.
    Hidden files and folders are left out, unless named directly. A file that is reached twice (through
    a link) is read once, and links that go in circles end.

    Parameters
    ----------
    path : Path
        A file or a folder.
    exclude : collection of Path
        Files not to read as documents, such as the OpenIE result beside a corpus.

    Yields
    ------
    Source or SourceError
        In the order of the sorted paths; the rows of a corpus in their order.
    """
    seen = {excluded.resolve() for excluded in exclude}
    for found in _files(path):
        if isinstance(found, SourceError):
            yield found
            continue
        resolved = found.resolve()
        if resolved not in seen:
            seen.add(resolved)
            yield from _read_file(found, resolved)


# --- finding files -------------------------------------------------------------------------------


def _files(top: Path) -> Iterator[Path | SourceError]:
    """The regular files at or below a path, sorted."""
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


def _refused(path: Path, error: OSError | ValueError) -> SourceError:
    """The source error for what the operating system said."""
    if isinstance(error, ValueError):  # a NUL in the name
        return SourceNotFound(path, str(error))
    if isinstance(error, FileNotFoundError | NotADirectoryError) or error.errno == errno.ENAMETOOLONG:
        return SourceNotFound(path)
    if isinstance(error, PermissionError):
        return SourceNotReadable(path)
    return SourceNotReadable(path, os.strerror(error.errno) if error.errno else str(error))


# --- reading one file ----------------------------------------------------------------------------


def read_text_file(path: Path) -> str:
    """The text of a file that must be one.

    Raises
    ------
    SourceError
        It is missing, may not be read, is binary or in another encoding than UTF-8, or empty.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceNotText(path, "not a regular file")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise _refused(path, error) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceNotText(path, f"byte {error.start}") from None
    if "\0" in text:
        raise SourceNotText(path, "it holds NUL bytes")
    if not text or text.isspace():
        raise SourceEmpty(path)
    return text


def _read_file(path: Path, resolved: Path) -> Iterator[Source | SourceError]:
    try:
        text = read_text_file(path)
    except SourceError as error:
        yield error
        return
    yield from FORMATS.get(path.suffix.lower(), _read_text)(path, resolved.as_uri(), text)


def _read_text(path: Path, uri: str, text: str) -> Iterator[Source | SourceError]:
    yield Source(uri, _stem(path), text, "text")


def _read_markdown(path: Path, uri: str, text: str) -> Iterator[Source | SourceError]:
    markup = read_markdown(text)
    if not markup.plain.strip():
        yield SourceEmpty(path, "markup without text")
        return
    yield Source(uri, markup.title or _stem(path), markup.plain, "markdown", bool(markup.title), markup)


def _read_corpus(path: Path, uri: str, text: str) -> Iterator[Source | SourceError]:
    """HippoRAG's corpus: ``[{"title": ..., "text": ...}, ...]``."""
    malformed: Callable[[str], SourceError] = partial(SourceMalformed, path)
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        yield malformed(f"line {error.lineno}, column {error.colno}: {error.msg}")
        return
    except (ValueError, RecursionError) as error:  # a number of too many digits; nested too deep
        yield malformed(str(error))
        return
    if not isinstance(rows, list):
        yield malformed('expected a list of {"title", "text"} rows')
        return
    if not rows:
        yield SourceEmpty(path, "a list without rows")
    faults = [_what_is_wrong(row) for row in rows]
    if len(rows) > 1 and all(faults):  # another file: told once
        yield malformed(f"no row of a corpus among {len(rows)}; row 1: {faults[0]}")
        return
    seen: dict[str, int] = {}
    for number, (row, wrong) in enumerate(zip(rows, faults, strict=True), start=1):
        if wrong:
            yield malformed(f"row {number}: {wrong}")
            continue
        title = row["title"].strip()
        seen[title] = seen.get(title, 0) + 1
        again = f"#{seen[title]}" if seen[title] > 1 else ""
        yield Source(f"{uri}#{quote(title)}{again}", title, row["text"], "hipporag", bool(title))


def _what_is_wrong(row: Any) -> str:
    """Why a row of a corpus cannot be kept; empty if it can."""
    if not isinstance(row, dict):
        return 'not an object with "title" and "text"'
    for key in ("title", "text"):
        value = row.get(key)
        if not isinstance(value, str):
            return f'"{key}" is missing' if key not in row else f'"{key}" is not a string'
        if "\0" in value:
            return f'"{key}" holds a NUL character'
        try:
            value.encode()
        except UnicodeEncodeError:
            return f'"{key}" holds half of a surrogate pair'
    return "" if row["text"].strip() else '"text" is empty'


def _stem(path: Path) -> str:
    return os.fsencode(path.stem).decode("utf-8", "replace")


FORMATS: dict[str, Callable[[Path, str, str], Iterator[Source | SourceError]]] = {
    ".json": _read_corpus,
    ".markdown": _read_markdown,
    ".md": _read_markdown,
    ".text": _read_text,
    ".txt": _read_text,
}
"""How a file is read, by its suffix; any other is read as plain text."""
