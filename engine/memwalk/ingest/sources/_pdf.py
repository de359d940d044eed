# SPDX-License-Identifier: Apache-2.0
"""PDF as the text of its pages."""

from __future__ import annotations

import re
from contextlib import closing
from itertools import accumulate
from typing import TYPE_CHECKING

from memwalk.errors import SourceEmpty, SourceError, SourceMalformed, SourceNotReadable
from memwalk.ingest.sources._source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pypdfium2 import PdfDocument

    from memwalk.ingest.sources._files import Raw

__all__ = ["from_pdf"]

_PASSWORD = 4
"""PDFium's FPDF_ERR_PASSWORD."""
_TAIL = 1024
"""Bytes at the end of a file, somewhere in which its end mark stands (ISO 32000, annex H)."""
_DIVIDED = re.compile("[\x02\u00ad\ufffe](?:\r?\n)?")
"""What PDFium has in place of the hyphen that divides a word at the end of a line."""
_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_NO_TITLE = re.compile(
    r"microsoft \w+ - |untitled|\S+\.(docx?|odt|tex|dvi|indd|qxd|pptx?|xlsx?|html?|pdf)$", re.IGNORECASE
)


def from_pdf(raw: Raw) -> Iterator[Source | SourceError]:
    """The text of a file's pages, set apart by form feeds; its title from the metadata.

    A page that cannot be read is told of and the rest is kept. One whose end is missing is refused, even
    if some of its pages could still be found.

    Raises
    ------
    SourceError
    """
    import pypdfium2

    if not raw.data:
        raise SourceEmpty(raw.path)
    if b"%%EOF" not in raw.data[-_TAIL:]:
        raise SourceMalformed(raw.path, "no PDF, or its end is missing")
    try:
        document = pypdfium2.PdfDocument(raw.data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == _PASSWORD:
            raise SourceNotReadable(raw.path, "it asks for a password") from None
        raise SourceMalformed(raw.path, f"no PDF that can be opened: {error}") from None
    with closing(document):
        title = " ".join(_UNWANTED.sub("", document.get_metadata_value("Title")).split())
        if _NO_TITLE.match(title):
            title = ""
        pages: list[str] = []
        for number in range(len(document)):
            try:
                pages.append(_page(document, number))
            except pypdfium2.PdfiumError as error:
                yield SourceMalformed(raw.path, f"page {number + 1}: {error}")
                pages.append("")
    if not any(pages):
        raise SourceEmpty(raw.path, f"{len(pages)} pages without text: a scan, to be read by OCR first")
    starts = accumulate((len(page) + 1 for page in pages[:-1]), initial=0)
    yield Source(raw.uri, title or raw.stem, "\f".join(pages), "pdf", bool(title), pages=tuple(starts))


def _page(document: PdfDocument, number: int) -> str:
    """The text of a page, words that were divided put together."""
    with closing(document[number]) as page, closing(page.get_textpage()) as text:
        said = text.get_text_range()
    return _UNWANTED.sub("", _DIVIDED.sub("", said).replace("\r\n", "\n")).strip()
