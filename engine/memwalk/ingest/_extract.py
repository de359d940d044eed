# SPDX-License-Identifier: Apache-2.0
"""Entities and facts out of passages, and entities out of questions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, Protocol

from memwalk.ingest._clauses import COUNTED, NAMES, VAGUE, Clauses, trimmed
from memwalk.text import normalise_phrase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from spacy.language import Language
    from spacy.tokens import Doc, Span

    from memwalk.errors import SourceError
    from memwalk.progress import Progress

__all__ = ["Extraction", "Extractor", "SpacyExtractor", "Triple", "query_entities", "tidy"]

_BATCH = 64
_TITLE_CASE = re.compile(
    r"\b[^\W\d_a-z][\w'\u2019.&-]*(?:\s+(?:(?:of|the|and|de|la|van|von|&)\s+){0,2}[^\W\d_a-z][\w'\u2019.&-]*)*"
)
_QUESTION_WORDS = frozenset(
    {"a", "an", "are", "at", "can", "could", "did", "do", "does", "had", "has", "have", "how", "in", "is", "list"}
    | {"many", "much", "name", "of", "on", "the", "was", "were", "what", "when", "where", "which", "who", "whom"}
    | {"whose", "why"}
)


class Triple(NamedTuple):
    """A fact: subject and object are entities; all three normalised."""

    subject: str
    predicate: str
    object: str


@dataclass(frozen=True, slots=True)
class Extraction:
    """What one passage says.

    Attributes
    ----------
    entities : tuple of str
        Normalised phrases, one for each time the passage mentions it, in its order. Every subject and
        object of a triple is among them.
    triples : tuple of Triple
        One for each time the passage says it, in its order.
    times : tuple of int
        Where the source itself counts: how often each of the triples is said; empty: once.
    """

    entities: tuple[str, ...] = ()
    triples: tuple[Triple, ...] = ()
    times: tuple[int, ...] = ()


class Extractor(Protocol):
    """Something that reads passages."""

    @property
    def name(self) -> str:
        """What it is, down to what its results depend on; kept with what it extracted."""

    def extract(self, passages: Sequence[tuple[str, str]], progress: Progress | None = None) -> list[Extraction]:
        """Read passages, given as title (may be empty) and text; one extraction each, in order."""

    def take_skipped(self) -> list[SourceError]:
        """What had to be left out since this was last asked."""


def tidy(mentions: Iterable[str], triples: Iterable[Sequence[str]]) -> Extraction:
    """Normalise, and leave out what has no letter or digit."""
    normal = (Triple(*map(normalise_phrase, parts)) for parts in triples)
    kept = [triple for triple in normal if all(triple)]
    entities = [phrase for phrase in map(normalise_phrase, mentions) if phrase]
    known = set(entities)
    for phrase in chain.from_iterable((triple.subject, triple.object) for triple in kept):
        if phrase not in known:
            known.add(phrase)
            entities.append(phrase)
    return Extraction(tuple(entities), tuple(kept))


class SpacyExtractor:
    """Named entities, noun chunks, and subject-verb-object triples from a dependency parse.

    A personal pronoun is taken to mean the passage's title where the passage mentions the title by at
    least one word: right for encyclopedias, and it stays silent in novels.

    Parameters
    ----------
    nlp : spacy.language.Language
        A pipeline with tagger, parser and entity recogniser (`memwalk.models.load_parser`).
    """

    def __init__(self, nlp: Language) -> None:
        self._nlp = nlp

    @property
    def name(self) -> str:
        """The pipeline and its version, and that of the rules."""
        meta = self._nlp.meta
        return f"spacy-rules-1 {meta['lang']}_{meta['name']}-{meta['version']}"

    def extract(self, passages: Sequence[tuple[str, str]], progress: Progress | None = None) -> list[Extraction]:
        """Read passages, given as title (may be empty) and text; the same ones give the same, in any company."""
        found: list[Extraction] = []
        texts = [text for _, text in passages]
        with self._nlp.select_pipes(disable=[pipe for pipe in ("lemmatizer",) if pipe in self._nlp.pipe_names]):
            for (title, _), doc in zip(passages, self._nlp.pipe(texts, batch_size=_BATCH), strict=True):
                titles = _spelled_out(doc, title)
                clauses = Clauses(doc, title if titles or _is_about(doc, title) else "", titles)
                found.append(tidy(_mentions(doc, title, titles), clauses.triples()))
                if progress:
                    progress("extract", len(found), len(texts))
        return found

    def take_skipped(self) -> list[SourceError]:
        """Nothing: every text can be parsed."""
        return []


def query_entities(nlp: Language, query: str) -> list[str]:
    """The phrases of a question that may name entities: a walk starts from those that the graph knows.

    Named entities, noun chunks, runs of proper nouns and of capitalised words; one phrase may hold
    another. Single common nouns ("the bridge") only if there is nothing else.

    Parameters
    ----------
    nlp : spacy.language.Language
        The same pipeline that read the passages.
    query : str
        A question, or any words.

    Returns
    -------
    list of str
        Normalised, each once, in order of appearance.
    """
    doc = nlp(query)
    entities = (entity for entity in doc.ents if entity.label_ not in COUNTED)
    spans = [(span.start_char, trimmed(span)) for span in chain(entities, doc.noun_chunks, _proper_runs(doc))]
    for match in _TITLE_CASE.finditer(query):
        first = doc.char_span(*match.span(), alignment_mode="expand")
        if len(first) > 1 or first[0].pos_ == "PROPN":  # the first word of a sentence is no name for that
            spans.append((match.start(), match.group()))
    phrases = (_without_question_words(phrase) for _, phrase in sorted(spans))
    found = list(dict.fromkeys(phrase for phrase in phrases if phrase and phrase not in VAGUE))
    things = {normalise_phrase(token.text) for token in doc if token.pos_ == "NOUN"}
    return [phrase for phrase in found if phrase not in things] or found


# --- the parts -----------------------------------------------------------------------------------


def _mentions(doc: Doc, title: str, titles: Sequence[Span]) -> Iterator[str]:
    """The title where it is spelled out, names, dates with a digit, and terms of several words."""
    spans = [(span.start, span.end, title) for span in titles]
    inside = {token.i for span in titles for token in span}
    for entity in doc.ents:
        is_date = entity.label_ == "DATE" and any(character.isdigit() for character in entity.text)
        if (entity.label_ in NAMES or is_date) and entity.root.i not in inside:
            spans.append((entity.start, entity.end, trimmed(entity)))
    inside.update(token.i for entity in doc.ents for token in entity)
    for chunk in doc.noun_chunks:
        if chunk.root.i in inside or chunk.root.pos_ not in {"NOUN", "PROPN"}:
            continue
        words = [token for token in chunk if token.pos_ in {"NOUN", "PROPN", "ADJ"} and token.ent_type_ not in COUNTED]
        if len(words) > 1 or chunk.root.pos_ == "PROPN":
            spans.append((chunk.start, chunk.end, trimmed(chunk)))
    for _, _, phrase in sorted(spans):
        yield phrase


def _spelled_out(doc: Doc, title: str) -> list[Span]:
    """Where a passage spells out its title, without what distinguishes it: "Brother (band)" is "Brother"."""
    name = re.sub(r"\s*\([^()]*\)\s*$", "", title)
    if not any(character.isalnum() for character in name):
        return []
    pattern = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    return [span for match in pattern.finditer(doc.text) if (span := doc.char_span(*match.span())) is not None]


def _is_about(doc: Doc, title: str) -> bool:
    """Whether a passage mentions its title: by one of its words that is not a common one."""
    words = {word for word in normalise_phrase(title).split() if len(word) > 1 and not doc.vocab[word].is_stop}
    return bool(words) and any(not words.isdisjoint(normalise_phrase(token.text).split()) for token in doc)


def _proper_runs(doc: Doc) -> Iterator[Span]:
    start = None
    for token in doc:
        if token.pos_ == "PROPN":
            start = token.i if start is None else start
        elif start is not None:
            yield doc[start : token.i]
            start = None
    if start is not None:
        yield doc[start : len(doc)]


def _without_question_words(phrase: str) -> str:
    words = normalise_phrase(phrase.removesuffix("'s").removesuffix("\u2019s")).split()
    while words and words[0] in _QUESTION_WORDS:
        words.pop(0)
    return " ".join(words)
