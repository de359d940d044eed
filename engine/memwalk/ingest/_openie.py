# SPDX-License-Identifier: Apache-2.0
"""OpenIE results that somebody computed before, in HippoRAG's file format."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from memwalk.errors import SourceError, SourceMalformed
from memwalk.ingest._extract import Extraction, tidy
from memwalk.ingest.sources import read_text_file
from memwalk.text import normalise_phrase

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from memwalk.ingest._extract import Extractor
    from memwalk.progress import Progress

__all__ = ["OpenIEFile", "wrong_entity", "wrong_triple"]


class OpenIEFile:
    """An extractor that looks passages up in a file.

    The file is an object whose `docs` are objects with `extracted_entities`, `extracted_triples` (lists
    of three strings), and the passage: as `passage` (title, line break, text), or as `title` and `text`.
    Language models wrote such files, so rows that make no sense are expected: they are left out and told
    of by `take_skipped`. A bare ``NaN``, which is no JSON, is read.

    Parameters
    ----------
    path : Path
        The file.
    otherwise : Extractor, optional
        Reads the passages that the file does not have. Without it nothing is extracted from them, and
        each is told of by `take_skipped`.

    Raises
    ------
    SourceError
        The file cannot be read, or is something else.
    """

    def __init__(self, path: Path, otherwise: Extractor | None = None) -> None:
        self._path = path
        self._otherwise = otherwise
        text = read_text_file(path)
        self._digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        self._docs = _docs(path, text)
        self._skipped: list[SourceError] = []
        self._told: set[int] = set()
        self._by_passage: dict[str, list[int]] = {}
        self._by_text: dict[str, list[int]] = {}
        for number, doc in enumerate(self._docs):
            passage, alone = _passage(doc)
            if not passage:
                self._skip(f"docs[{number}]: no passage")
                continue
            self._by_passage.setdefault(passage, []).append(number)
            if alone:
                self._by_text.setdefault(alone, []).append(number)

    @property
    def name(self) -> str:
        """The file's content, and what reads the rest."""
        return f"openie {self._digest}" + (f", {self._otherwise.name}" if self._otherwise else "")

    def extract(self, passages: Sequence[tuple[str, str]], progress: Progress | None = None) -> list[Extraction]:
        """Look passages up, given as title (may be empty) and text; one extraction each, in order."""
        found: list[Extraction | None] = [self._find(title, text) for title, text in passages]
        missing = [place for place, extraction in enumerate(found) if extraction is None]
        if missing and self._otherwise:
            read = self._otherwise.extract([passages[place] for place in missing], progress)
            for place, extraction in zip(missing, read, strict=True):
                found[place] = extraction
        else:
            for place in missing:
                title, text = passages[place]
                self._skip(f"nothing on the passage {(title or text)[:60]!r}")
        if progress:
            progress("extract", len(passages), len(passages))
        return [extraction or Extraction() for extraction in found]

    def take_skipped(self) -> list[SourceError]:
        """What had to be left out since this was last asked; each row once."""
        taken, self._skipped = self._skipped, []
        return taken + (self._otherwise.take_skipped() if self._otherwise else [])

    def _find(self, title: str, text: str) -> Extraction | None:
        alone = _key(text)
        numbers = (
            self._by_passage.get(_key(f"{title}\n{text}")) or self._by_passage.get(alone) or self._by_text.get(alone)
        )
        if numbers is None:
            return None
        mentions: list[str] = []
        triples: list[list[str]] = []
        for number in numbers:
            mentions += self._good_rows(number, "extracted_entities", wrong_entity)
            triples += self._good_rows(number, "extracted_triples", wrong_triple)
            self._told.add(number)
        return tidy(mentions, triples)

    def _good_rows(self, number: int, key: str, wrong: Any) -> Iterator[Any]:
        rows = self._docs[number].get(key, [])
        if not isinstance(rows, list):
            rows = [rows]  # one row that cannot be good
        for place, row in enumerate(rows):
            why = wrong(row)
            if not why:
                yield row
            elif number not in self._told:
                self._skip(f"docs[{number}].{key}[{place}]: {why}: {json.dumps(row, ensure_ascii=False)[:200]}")

    def _skip(self, why: str) -> None:
        self._skipped.append(SourceMalformed(self._path, why))


def _docs(path: Path, text: str) -> list[dict[str, Any]]:
    try:
        read = json.loads(text)
    except json.JSONDecodeError as error:
        raise SourceMalformed(path, f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError) as error:  # a number of too many digits; nested too deep
        raise SourceMalformed(path, str(error)) from None
    docs = read.get("docs") if isinstance(read, dict) else None
    if not isinstance(docs, list):
        raise SourceMalformed(path, 'expected an object with a list of "docs", as HippoRAG writes its OpenIE results')
    return [doc if isinstance(doc, dict) else {} for doc in docs]


def _passage(doc: dict[str, Any]) -> tuple[str, str]:
    """The keys of a row: its passage, and its text without the title."""
    title, text, passage = (doc.get(key) for key in ("title", "text", "passage"))
    alone = _key(text) if isinstance(text, str) else ""
    if isinstance(passage, str):
        return _key(passage), alone
    return _key(f"{title}\n{text}") if alone and isinstance(title, str) else alone, alone


def _key(passage: str) -> str:
    return " ".join(passage.split())


def wrong_entity(row: Any) -> str:
    """Why an entity of an answer cannot be kept; empty if it can."""
    if not isinstance(row, str):
        return "not a string"
    return "" if normalise_phrase(row) else "no letter or digit"


def wrong_triple(row: Any) -> str:
    """Why a triple of an answer cannot be kept; empty if it can."""
    if not isinstance(row, list):
        return "not a list"
    if len(row) != 3:
        return f"{len(row)} parts instead of 3"
    if not all(isinstance(part, str) for part in row):
        return "a part is not a string"
    return "" if all(map(normalise_phrase, row)) else "a part has no letter or digit"
