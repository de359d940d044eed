# SPDX-License-Identifier: Apache-2.0
"""Question and answer forms of a text, by templates and the parse: what an adapter is trained on.

A text alone teaches a model to go on with that text, not to answer about it. So each sentence is asked
about in several ways:

- *clause*: the subject, an object or a place, time or agent of a verb is asked for (who, what, where, when);
- *cloze*: a thing the sentence names is left out;
- *link*: for two things that the text names together again and again, the one is asked for by the other, with
  the noun that the text puts beside it ("the constellation of", "architect") or its kind (person, place, date);
- *statement*: the sentence itself, asked for by what it is about.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from memwalk.runtime._clauses import clause_questions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from spacy.language import Language
    from spacy.tokens import Doc, Span

__all__ = ["Example", "Mention", "make_examples"]

_COUNTS = {"CARDINAL", "ORDINAL", "PERCENT", "QUANTITY", "MONEY"}
_LONG = 40
_ENUMERATION = re.compile(r"^\s*(?:\d{1,3}[.)]|[-*•])\s+")
_QUOTES = "\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}"
_EDGES = " \t\n\"'.,;:()[]\N{RIGHT SINGLE QUOTATION MARK}" + _QUOTES

_LINKS = {
    "PERSON": ("Who is linked to {a}?", "Which person is {a} about?"),
    "DATE": ("When was {a}?", "What date is linked to {a}?"),
    "GPE": ("Where is {a}?", "Which place is {a} linked to?"),
    "LOC": ("Where is {a}?", "Which place is {a} linked to?"),
    "FAC": ("Where is {a}?", "Which place is {a} linked to?"),
    "ORG": ("Which organization is {a} linked to?", "What is {a} linked to?"),
}
_OTHER_LINKS = ("What is {a} linked to?", "What is {a} known for?")
_NOUN_LINKS = ("What is the {n} of {a}?", "Which {n} is linked to {a}?")


@dataclass(frozen=True, slots=True)
class Example:
    """A question that a text answers."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Mention:
    """A thing named in a sentence: an entity, or a noun phrase without its determiner."""

    text: str
    label: str
    start: int
    end: int

    @property
    def key(self) -> str:
        """What two mentions of the same thing share."""
        return self.text.casefold()


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and the things it names."""

    span: Span
    text: str
    mentions: tuple[Mention, ...]


def make_examples(texts: Sequence[str], parser: Language, *, limit: int) -> list[Example]:
    """Ask about every sentence of some texts.

    Parameters
    ----------
    texts : sequence of str
    parser : spacy.Language
        With tagger, parser and entity recogniser.
    limit : int
        Most examples. Every sentence gets its turn before one is asked about again.

    Returns
    -------
    list of Example
        Without repeats, the same for the same texts.
    """
    links: list[list[Example]] = []
    asked: list[list[Example]] = []
    for doc in parser.pipe(_lines(texts)):
        sentences = [sentence for sentence in map(_sentence, doc.sents) if sentence.text]
        weights = _weights(sentences)
        topic = _topic(sentences, weights)
        links.append(list(_link_examples(sentences, weights, topic)))
        asked += [list(_sentence_examples(sentence, weights, topic)) for sentence in sentences]
    # A third for what whole texts say, the rest for each sentence in turn; what one leaves, the other takes.
    general = _unique(_in_turn(links))
    special = _unique(_in_turn(asked))
    room = max(limit // 3, limit - len(special))
    return _unique([*general[:room], *special])[:limit]


def _lines(texts: Sequence[str]) -> Iterator[str]:
    """One document a text, without the numbers of its lists, each line ended as a sentence."""
    for text in texts:
        lines = [_ENUMERATION.sub("", line).strip(' \t"' + _QUOTES) for line in text.splitlines()]
        yield "\n".join(line for line in lines if line)


def _sentence(span: Span) -> Sentence:
    return Sentence(span, " ".join(span.text.split()), tuple(_mentions(span)))


def _mentions(span: Span) -> Iterator[Mention]:
    """Entities, then the noun phrases that hold none."""
    taken: set[int] = set()
    for entity in span.ents:
        start, end = _trim(span.doc, entity.start, entity.end)
        if start < end:
            taken.update(range(start, end))
            yield Mention(_clean(span.doc[start:end].text), entity.label_, start, end)
    for chunk in span.noun_chunks:
        start, end = _trim(span.doc, chunk.start, chunk.end)
        if start < end and taken.isdisjoint(range(start, end)) and chunk.root.pos_ != "PRON":
            yield Mention(_clean(span.doc[start:end].text), "", start, end)


def _trim(doc: Doc, start: int, end: int) -> tuple[int, int]:
    """Without determiners and possessives at the front, a possessive sign and punctuation at the back."""
    while start < end and (doc[start].tag_ in {"DT", "PRP$", "PRP", "WDT", "WP"} or not _word(doc[start].text)):
        start += 1
    while start < end and (doc[end - 1].tag_ == "POS" or not _word(doc[end - 1].text)):
        end -= 1
    return start, end


def _word(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _clean(text: str) -> str:
    return " ".join(text.split()).strip(_EDGES)


def _weights(sentences: Iterable[Sentence]) -> Counter[str]:
    """In how many sentences each thing is named, whether or not the parse found it there."""
    told = [sentence.text.casefold() for sentence in sentences]
    keys = {mention.key for sentence in sentences for mention in sentence.mentions if len(mention.key) > 1}
    return Counter({key: sum(key in text for text in told) for key in sorted(keys)})


def _topic(sentences: Sequence[Sentence], weights: Counter[str]) -> str:
    """What a text is about: the proper name it comes back to most, the first one of several."""
    named = [m for s in sentences for m in s.mentions if m.label and m.label not in _COUNTS | {"DATE", "TIME"}]
    best = max(named, key=lambda mention: weights[mention.key], default=None)
    return best.text if best else ""


def _link_examples(sentences: Sequence[Sentence], weights: Counter[str], topic: str) -> Iterator[Example]:
    """Pairs of things that sentences name together, the most frequent first."""
    pairs: Counter[tuple[str, str]] = Counter()
    first: dict[str, Mention] = {}
    nouns: dict[str, Counter[str]] = {}
    for sentence in sentences:
        kept = {m.key: m for m in sentence.mentions if m.label not in _COUNTS and len(m.key) > 1}
        for mention in kept.values():
            first.setdefault(mention.key, mention)
            if mention.label:
                first[mention.key] = first[mention.key] if first[mention.key].label else mention
            nouns.setdefault(mention.key, Counter()).update(_nouns_beside(sentence.span, mention))
        pairs.update((a, b) for a in kept for b in kept if a != b and a not in b and b not in a)
    ranked = sorted(pairs, key=lambda pair: (-pairs[pair], -weights[pair[0]] - weights[pair[1]]))
    for a, b in ranked:
        about, answer = first[a], first[b]
        # Named together once says something only of what the text is about, and by another name.
        often = pairs[a, b] > 1 or (a == topic.casefold() and answer.label)
        if not often or not about.label or about.label in {"DATE", "TIME"} or not _telling(answer):
            continue
        for noun, _ in nouns[b].most_common(2):
            for template in _NOUN_LINKS:
                yield Example(template.format(n=noun, a=about.text), answer.text)
        for template in _LINKS.get(answer.label, _OTHER_LINKS):
            yield Example(template.format(a=about.text), answer.text)


def _telling(mention: Mention) -> bool:
    """Whether an answer says something by itself: "1997" and "unmanned aircraft" do, "the same year" does not."""
    if mention.label in {"DATE", "TIME"}:
        return any(character.isdigit() for character in mention.text)
    return bool(mention.label) or " " in mention.text


def _nouns_beside(span: Span, mention: Mention) -> Iterator[str]:
    """Nouns the sentence uses for a thing: beside it, "… of" it, "as a …", "is a …"."""
    doc, root = span.doc, span.doc[mention.start : mention.end].root
    inside = range(mention.start, mention.end)
    beside = [child for child in root.children if child.dep_ in {"compound", "appos", "nmod"}]
    if root.dep_ in {"compound", "appos", "nmod"}:
        beside.append(root.head)
    if root.dep_ == "pobj" and root.head.lower_ == "of":
        beside.append(root.head.head)
    if root.dep_ in {"nsubj", "nsubjpass", "dobj"}:
        for child in root.head.children:
            if child.dep_ in {"attr", "oprd"} and child.i not in inside:
                beside.append(child)
            if child.dep_ == "prep" and child.lower_ == "as":
                beside += [grandchild for grandchild in child.children if grandchild.dep_ == "pobj"]
    for token in beside:
        if token.tag_ in {"NN", "NNS"} and token.i not in inside and not token.is_stop:
            left = [child for child in token.lefts if child.dep_ == "compound" and child.tag_ == "NN"]
            start = min([token.i, *(child.i for child in left)])
            if not set(range(start, token.i)) & set(inside):
                yield _clean(doc[start : token.i].text + " " + token.lemma_)


def _sentence_examples(sentence: Sentence, weights: Counter[str], topic: str) -> Iterator[Example]:
    """The clauses' questions, the clozes and the statement of one sentence, what weighs most first."""
    words = len(sentence.text.split())
    clozes = []
    if words <= _LONG:
        for mention in sentence.mentions:
            blank = _cloze(sentence, mention)
            if blank and (mention.label or weights[mention.key] > 1):
                clozes.append(Example(f"Fill in the blank: {blank}", mention.text))
    asked = [Example(q, _clean(a)) for q, a in clause_questions(sentence.span, topic)]
    clozes.sort(key=lambda example: -weights[example.answer.casefold()])
    asked.sort(key=lambda example: -_weight(example.answer, weights))
    statement = [Example(f"What do you know about {topic}?", sentence.text)] if topic and words <= _LONG else []
    yield from _in_turn([asked, clozes, statement])


def _weight(answer: str, weights: Counter[str]) -> int:
    told = answer.casefold()
    return max((weight for key, weight in weights.items() if key in told), default=0)


def _cloze(sentence: Sentence, mention: Mention) -> str:
    start = sentence.span.doc[mention.start].idx - sentence.span.start_char
    last = sentence.span.doc[mention.end - 1]
    end = last.idx + len(last) - sentence.span.start_char
    text = sentence.span.text
    blank = f"{text[:start]}___{text[end:]}"
    # Another mention of the same thing would give the answer away.
    return "" if mention.key in blank.casefold() else " ".join(blank.split())


def _in_turn(groups: Iterable[Sequence[Example]]) -> list[Example]:
    return [example for row in zip_longest(*groups) for example in row if example is not None]


def _unique(examples: Iterable[Example]) -> list[Example]:
    return [e for e in dict.fromkeys(examples) if e.answer and e.question and len(e.answer.split()) <= _LONG]
