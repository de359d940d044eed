# SPDX-License-Identifier: Apache-2.0
"""Questions about a clause: its subject, objects, places and times, asked for in plain English word order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spacy.tokens import Span, Token

__all__ = ["clause_questions"]

_SUBJECTS = {"nsubj", "nsubjpass"}
_OBJECTS = {"dobj", "attr", "oprd"}
_PREPOSITIONS = {"prep", "agent"}
_LEFT_OUT = {"advcl", "relcl", "conj", "cc", "punct", "parataxis", "mark", "ccomp", "xcomp", "acl", "appos", "intj"}
_PLACES = {"GPE", "LOC", "FAC"}
_SHORTEST, _LONGEST = 4, 24


def clause_questions(sentence: Span, topic: str) -> Iterator[tuple[str, str]]:
    """Question and answer for each part of each clause of a sentence.

    Parameters
    ----------
    sentence : Span
        Parsed.
    topic : str
        What a personal pronoun in the place of the subject is taken to mean.
    """
    for verb in sentence:
        if verb.pos_ in {"VERB", "AUX"} and verb.dep_ not in {"aux", "auxpass"}:
            subject = next((child for child in verb.lefts if child.dep_ in _SUBJECTS), None)
            if subject is not None and subject.tag_ not in {"WDT", "WP", "EX"}:
                yield from _clause(verb, subject, topic)


def _clause(verb: Token, subject: Token, topic: str) -> Iterator[tuple[str, str]]:
    auxiliaries = [child for child in verb.lefts if child.dep_ in {"aux", "auxpass", "neg"}]
    parts = [child for child in verb.rights if child.dep_ in _OBJECTS | _PREPOSITIONS | {"dative", "acomp", "prt"}]
    who = topic if subject.tag_ == "PRP" else _phrase(subject)
    if not who or (verb.tag_ in {"VBN", "VBG"} and not auxiliaries):  # "located in …" is no clause of its own
        return
    if subject.tag_ != "PRP":
        told = [*(a.text for a in auxiliaries), verb.text, *map(_phrase, parts)]
        yield from _asked([_wh(subject), *told], who)
    opening, verbal = _inverted(verb, auxiliaries)
    for part in parts:
        others = [_phrase(other) for other in parts if other is not part]
        if part.dep_ in _OBJECTS:
            yield from _asked([_wh(part), *opening, who, *verbal, *others], _phrase(part))
        elif part.dep_ in _PREPOSITIONS:
            thing = next((child for child in part.rights if child.dep_ == "pobj"), None)
            if thing is not None:
                yield from _asked([*_wh_behind(part, thing), *opening, who, *verbal, *others], _phrase(thing))


def _inverted(verb: Token, auxiliaries: Sequence[Token]) -> tuple[list[str], list[str]]:
    """What comes before the subject in a question, and what comes behind it."""
    if auxiliaries and auxiliaries[0].dep_ != "neg":
        return [auxiliaries[0].text], [*(a.text for a in auxiliaries[1:]), verb.text]
    if verb.lemma_ == "be":
        return [verb.text], [a.text for a in auxiliaries]
    support = {"VBD": "did", "VBN": "did", "VBZ": "does"}.get(verb.tag_, "do")
    return [support], [*(a.text for a in auxiliaries), verb.lemma_]


def _asked(words: Sequence[str], answer: str) -> Iterator[tuple[str, str]]:
    question = " ".join(word for word in words if word)
    if answer and _SHORTEST <= len(question.split()) <= _LONGEST:
        yield f"{question[0].upper()}{question[1:]}?", answer


def _wh(token: Token) -> str:
    if token.ent_type_ == "PERSON":
        return "who"
    return "when" if token.ent_type_ in {"DATE", "TIME"} else "what"


def _wh_behind(preposition: Token, thing: Token) -> list[str]:
    if thing.ent_type_ in {"DATE", "TIME"}:
        return ["when"]
    if thing.ent_type_ in _PLACES and preposition.lower_ in {"in", "at", "on"}:
        return ["where"]
    return [preposition.lower_, "whom" if thing.ent_type_ == "PERSON" else "what"]


def _phrase(token: Token) -> str:
    """A token with what belongs to it, without side clauses and what is joined to it."""
    kept = [token]
    stack = [child for child in token.children if child.dep_ not in _LEFT_OUT or _joins_names(child)]
    while stack:
        current = stack.pop()
        kept.append(current)
        stack += [child for child in current.children if child.dep_ not in _LEFT_OUT or _joins_names(child)]
    kept.sort(key=lambda t: t.i)
    text = "".join(t.text_with_ws for t in kept)
    first = kept[0]
    if first.is_sent_start and first.pos_ in {"DET", "PRON", "ADP"}:
        text = text[0].lower() + text[1:]
    return " ".join(text.split())


def _joins_names(child: Token) -> bool:
    """A hyphen or an "and" inside one name."""
    return bool(child.ent_type_) and child.ent_type_ == child.head.ent_type_ and child.ent_iob_ == "I"
