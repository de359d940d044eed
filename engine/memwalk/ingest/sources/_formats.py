# SPDX-License-Identifier: Apache-2.0
"""Which format a file has, and reading it."""

from __future__ import annotations

from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from memwalk.errors import InvalidArgument, SourceError
from memwalk.ingest.sources._chat import from_chat
from memwalk.ingest.sources._edges import from_edges
from memwalk.ingest.sources._files import Raw, find_files, stdin_uri
from memwalk.ingest.sources._graphml import from_graphml
from memwalk.ingest.sources._html import from_html
from memwalk.ingest.sources._pdf import from_pdf
from memwalk.ingest.sources._rows import from_corpus, from_json_lines
from memwalk.ingest.sources._text import from_markdown, from_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from memwalk.ingest.sources._source import Source

__all__ = ["FORMATS", "read_sources", "read_stream"]

FORMATS: dict[str, Callable[[Raw], Iterator[Source | SourceError]]] = {
    "chat": from_chat,
    "csv": from_edges,
    "graphml": from_graphml,
    "hipporag": from_corpus,
    "html": from_html,
    "jsonl": from_json_lines,
    "markdown": from_markdown,
    "pdf": from_pdf,
    "text": from_text,
}
"""How each format is read."""

_SUFFIXES = {
    ".csv": "csv",
    ".graphml": "graphml",
    ".htm": "html",
    ".html": "html",
    ".json": "hipporag",
    ".jsonl": "jsonl",
    ".markdown": "markdown",
    ".md": "markdown",
    ".ndjson": "jsonl",
    ".pdf": "pdf",
    ".text": "text",
    ".tsv": "csv",
    ".txt": "text",
    ".xhtml": "html",
}
"""The format of a file by its suffix; any other is plain text."""


def read_sources(
    path: Path,
    exclude: Collection[Path] = (),
    *,
    as_format: str | None = None,
) -> Iterator[Source | SourceError]:
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
    as_format : str, optional
        One of `FORMATS`, for all the files. None: by their suffixes.

    Yields
    ------
    Source or SourceError
        In the order of the sorted paths; the rows of a file of documents in their order.

    Raises
    ------
    InvalidArgument
        There is no such format.
    """
    _check_format(as_format)
    seen = {excluded.resolve() for excluded in exclude}
    for found in find_files(path):
        if isinstance(found, SourceError):
            yield found
            continue
        resolved = found.resolve()
        if resolved not in seen:
            seen.add(resolved)
            yield from _read(partial(Raw.of_file, found), as_format or _format_of(found.suffix))


def read_stream(data: bytes, name: str, *, as_format: str | None = None) -> Iterator[Source | SourceError]:
    """Read what came through stdin as if it was a file of that name.

    Parameters
    ----------
    data : bytes
    name : str
        Its identity: adding again under it changes the document, or nothing. Its suffix says the format.
    as_format : str, optional
        One of `FORMATS`.

    Yields
    ------
    Source or SourceError

    Raises
    ------
    InvalidArgument
    """
    _check_format(as_format)
    suffix = PurePosixPath(unquote(urlsplit(stdin_uri(name)).path)).suffix
    yield from _read(partial(Raw.of_stream, name, data), as_format or _format_of(suffix))


def _read(load: Callable[[], Raw], as_format: str) -> Iterator[Source | SourceError]:
    """The documents of one file, or why there are none."""
    try:
        yield from FORMATS[as_format](load())
    except SourceError as error:
        yield error


def _format_of(suffix: str) -> str:
    return _SUFFIXES.get(suffix.lower(), "text")


def _check_format(as_format: str | None) -> None:
    if as_format is not None and as_format not in FORMATS:
        raise InvalidArgument("format", as_format, " or ".join(sorted(FORMATS)))
