# SPDX-License-Identifier: Apache-2.0
"""Plain text and Markdown as documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk.errors import SourceEmpty
from memwalk.ingest.sources._markdown import read_markdown
from memwalk.ingest.sources._source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memwalk.ingest.sources._files import Raw

__all__ = ["from_markdown", "from_text"]


def from_text(raw: Raw) -> Iterator[Source]:
    """A text as it stands."""
    yield Source(raw.uri, raw.stem, raw.text(), "text")


def from_markdown(raw: Raw) -> Iterator[Source]:
    """A text without its markup.

    Raises
    ------
    SourceError
    """
    markup = read_markdown(raw.text())
    if not markup.plain.strip():
        raise SourceEmpty(raw.path, "markup without text")
    yield Source(raw.uri, markup.title or raw.stem, markup.plain, "markdown", bool(markup.title), markup)
