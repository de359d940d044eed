# SPDX-License-Identifier: Apache-2.0
"""Who did what, read off a dependency parse (English, the labels of spaCy's `en_core_web_*`).

Plain rules, no learning: a verb's subject, its group ("was born in") and what hangs on it. They are
below what a language model extracts, and free. The rules, each with its example:

- "Ada wrote a book in Turin": (Ada, wrote, book), (Ada, wrote in, Turin)
- "Ada was born in Turin", "written by Ada": the preposition joins the predicate
- "Ada is the queen of Spain": (Ada, is, queen of Spain), (Ada, is queen of, Spain)
- "Ada, the queen of Spain, ...", "Spain's queen Ada": the same with "is"
- "Ada, who founded Turin", "a town founded by Ada": the subject is what the clause is about
- "Ada sang and danced": the second verb has the first one's subject
- "Ada and Eve sang": one triple each
- "She sang", "The singer sang" where Ada is a singer: about the passage's topic, if it has one
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spacy.tokens import Doc, Span, Token

__all__ = ["COUNTED", "NAMES", "VAGUE", "Clauses", "trimmed"]

NAMES = frozenset({"EVENT", "FAC", "GPE", "LANGUAGE", "LAW", "LOC", "NORP", "ORG", "PERSON", "PRODUCT", "WORK_OF_ART"})
COUNTED = frozenset({"CARDINAL", "MONEY", "ORDINAL", "PERCENT", "QUANTITY", "TIME"})
PERSONAL = frozenset({"he", "she", "it", "they", "him", "her", "them", "his", "hers", "its", "their", "theirs"})
VAGUE = frozenset(
    {"addition", "case", "course", "east", "end", "example", "fact", "instance", "kind", "lot", "lots", "manner"}
    | {"matter", "member", "north", "number", "order", "other", "others", "part", "reason", "rest", "same", "series"}
    | {"set", "sort", "south", "term", "terms", "thing", "things", "time", "times", "total", "type", "use", "variety"}
    | {"way", "ways", "west", "year", "years"}
)
_MOST_WORDS = 10
_MOST_STEPS = 8
Said = tuple[str, str, str]


class Clauses:
    """The triples of one parsed passage.

    Parameters
    ----------
    doc : spacy.tokens.Doc
        Tagged, parsed, with entities.
    topic : str
        What personal pronouns, and "the journal" where the topic is a journal, are taken to mean; empty
        for nothing, and what pronouns say is left out.
    titles : sequence of spacy.tokens.Span
        Where the passage spells out its topic; such a stretch is one name, whatever the parser makes of it.
    """

    def __init__(self, doc: Doc, topic: str = "", titles: Sequence[Span] = ()) -> None:
        self._doc = doc
        self._topic = topic
        self._entity: dict[int, Span] = {t.i: entity for entity in doc.ents for t in entity}
        self._chunk: dict[int, Span] = {chunk.root.i: chunk for chunk in doc.noun_chunks}
        self._title = frozenset(token.i for span in titles for token in span)
        self._kinds = frozenset(self._topic_kinds()) if topic else frozenset()

    def triples(self) -> Iterator[Said]:
        """Subject, predicate and object as they stand in the text, in its order."""
        for token in self._doc:
            if token.pos_ in {"VERB", "AUX"} and token.dep_ not in {"aux", "auxpass"} and token.i not in self._title:
                yield from self._of_verb(token)
            elif token.dep_ == "appos":
                yield from self._of_apposition(token)

    # --- verbs -----------------------------------------------------------------------------------

    def _of_verb(self, verb: Token) -> Iterator[Said]:
        subjects = self._subjects(verb)
        if not subjects:
            return
        group = _group(verb)
        for child in verb.children:
            if child.dep_ == "attr":
                yield from self._of_copula(verb, subjects, group, child)
            elif child.dep_ in {"dobj", "dative", "oprd"}:
                yield from self._of_object(subjects, group, child)
            elif child.dep_ == "acomp":
                for preposition, inner in self._governed(child):
                    yield from _each(subjects, f"{group} {child.lower_} {preposition}", self._long(inner))
            elif child.dep_ == "npadvmod" and child.ent_type_ == "DATE":
                yield from _each(subjects, group, self._phrase(self._entity[child.i].root))
        for preposition, noun in self._governed(verb):
            yield from _each(subjects, f"{group} {preposition}", self._long(noun))

    def _of_object(self, subjects: list[str], group: str, first: Token) -> Iterator[Said]:
        for noun in self._joined(first):
            yield from _each(subjects, group, self._long(noun))
            for preposition, inner in self._governed(noun):
                if preposition != "of" and self._is_name(inner):
                    yield from _each(subjects, f"{group} {self._phrase(noun)} {preposition}", self._phrase(inner))

    def _of_copula(self, verb: Token, subjects: list[str], group: str, attribute: Token) -> Iterator[Said]:
        for noun in self._joined(attribute):
            yield from self._is_a(subjects, group, noun)
        subject = next((child for child in verb.children if child.dep_ == "nsubj"), None)
        if subject is not None and self._is_name(attribute) and not self._is_name(subject):
            # "The editor of the journal is Ada": also what Ada is.
            yield from self._links([self._phrase(attribute)], group, subject)

    def _of_apposition(self, token: Token) -> Iterator[Said]:
        head = token.head
        if not self._is_name(head):
            if self._is_name(token):
                yield from self._is_a([self._long(token)], "is", head)
            return
        is_role = not self._is_name(token) or (
            token.i not in self._entity and any(child.dep_ in {"det", "poss", "prep"} for child in token.children)
        )
        if is_role:
            for noun in self._joined(token):
                yield from self._is_a([self._long(head)], "is", noun)

    def _is_a(self, subjects: list[str], group: str, noun: Token) -> Iterator[Said]:
        """What being this noun says: "the queen of Spain" names a role and a country."""
        if noun.pos_ not in {"NOUN", "PROPN"} and noun.i not in self._title:
            return
        yield from _each(subjects, group, self._long(noun))
        if self._is_name(noun) and noun.i in self._entity:
            name = self._phrase(noun)
            for preposition, inner in self._governed(noun):
                yield from _each([name] if name else [], f"is {preposition}", self._long(inner))
        else:
            yield from self._links(subjects, group, noun)

    def _links(self, subjects: list[str], group: str, noun: Token) -> Iterator[Said]:
        """To what a role relates: "queen of Spain" to Spain, "Spain's queen" too."""
        role = self._phrase(noun)
        if not role or not all(subjects):
            return
        for preposition, inner in self._governed(noun):
            yield from _each(subjects, f"{group} {role} {preposition}", self._long(inner))
        for child in noun.children:
            if child.dep_ == "poss":
                yield from _each(subjects, f"{group} {noun.lower_} of", self._nominal(child))

    # --- subjects --------------------------------------------------------------------------------

    def _subjects(self, verb: Token) -> list[str]:
        """What a verb is said of, looked for at the verb, then where its clause hangs."""
        for _ in range(_MOST_STEPS):
            own = next((child for child in verb.children if child.dep_ in {"nsubj", "nsubjpass"}), None)
            if own is not None and own.tag_ not in {"WDT", "WP", "WP$"}:
                return [name for noun in self._joined(own) if (name := self._nominal(noun))]
            if verb.dep_ == "acl" or (own is not None and verb.dep_ == "relcl"):
                return self._antecedents(verb.head)
            if own is not None or verb.dep_ not in {"conj", "xcomp", "advcl"}:
                return []
            verb = verb.head
        return []

    def _antecedents(self, noun: Token) -> list[str]:
        """What a clause on a noun is about: the noun, or whoever is said to be it."""
        role = noun
        for _ in range(_MOST_STEPS):
            if self._is_name(role):
                break
            if role.dep_ == "attr" and (subjects := self._subjects(role.head)):
                return subjects
            if role.dep_ == "appos" and self._is_name(role.head):
                return [name] if (name := self._long(role.head)) else []
            if role.dep_ != "conj":
                break
            role = role.head
        return [name] if (name := self._nominal(noun)) else []

    def _topic_kinds(self) -> Iterator[str]:
        """Nouns that "the" makes mean the topic: the words of its name, and what it is said to be."""
        yield from (word.lower() for word in self._topic.split())
        for verb in self._doc:
            if verb.lemma_ == "be" or verb.lower_ in {"is", "are", "was", "were"}:
                subject = next((child for child in verb.children if child.dep_ == "nsubj"), None)
                if subject is not None and subject.i in self._title:
                    attributes = (child for child in verb.children if child.dep_ == "attr")
                    yield from (noun.lower_ for attribute in attributes for noun in self._joined(attribute))

    # --- phrases ---------------------------------------------------------------------------------

    def _nominal(self, noun: Token) -> str:
        """A phrase for a noun; the topic for what means the topic."""
        if noun.pos_ == "PRON" or noun.tag_ in {"PRP", "PRP$"}:
            return self._topic if noun.lower_ in PERSONAL else ""
        if noun.lower_ in self._kinds and noun.pos_ == "NOUN":
            chunk = self._chunk.get(noun.i)
            if chunk is not None and [token.lower_ for token in chunk[:-1]] in (["the"], ["this"]):
                return self._topic
        return self._long(noun)

    def _long(self, noun: Token) -> str:
        """A phrase with its "of ...", which is part of the name: "capital of France"."""
        phrase = self._phrase(noun)
        if not phrase or noun.i in self._entity or noun.i in self._title:
            return phrase
        for preposition, inner in self._governed(noun):
            if preposition == "of":
                rest = self._phrase(inner)
                return f"{phrase} of {rest}" if rest else ""
        return "" if phrase.lower() in VAGUE else phrase

    def _phrase(self, noun: Token) -> str:
        """A noun with what belongs to it on its left; a name it is part of, whole; empty for a mere number."""
        if noun.i in self._title:
            return self._topic
        if noun.ent_type_ in COUNTED:
            return ""
        entity = self._entity.get(noun.i)
        if entity is not None and noun.i == entity.root.i and entity.label_ in NAMES | {"DATE"}:
            return trimmed(entity)
        chunk = self._chunk.get(noun.i)
        if chunk is not None:
            return trimmed(chunk)
        return str(noun.text) if noun.pos_ in {"NOUN", "PROPN"} else ""

    def _is_name(self, noun: Token) -> bool:
        return noun.pos_ == "PROPN" or noun.ent_type_ in NAMES or noun.i in self._title

    def _joined(self, noun: Token) -> Iterator[Token]:
        """A noun and what "and" joins to it, as long as names are joined to names and things to things."""
        is_name = self._is_name(noun)
        for _ in range(_MOST_STEPS):
            yield noun
            following = next((child for child in noun.children if child.dep_ == "conj"), None)
            if following is None or self._is_name(following) != is_name or {noun.i, following.i} <= self._title:
                return
            noun = following

    def _governed(self, head: Token) -> Iterator[tuple[str, Token]]:
        """Prepositions on a word, each with the nouns it governs: "in Spain", "out of Spain", "by Ada and Eve"."""
        own = self._entity.get(head.i)
        for child in head.children:
            if child.dep_ not in {"prep", "agent"} or (own is not None and own.start <= child.i < own.end):
                continue
            if child.i and child.nbor(-1).text == "-":  # editor-in-chief
                continue
            text, preposition = child.lower_, child
            inner = next((c for c in child.children if c.dep_ == "prep"), None)
            if inner is not None and not any(c.dep_ == "pobj" for c in child.children):
                text, preposition = f"{text} {inner.lower_}", inner
            for noun in preposition.children:
                if noun.dep_ == "pobj":
                    yield from ((text, joined) for joined in self._joined(noun))


def trimmed(span: Span) -> str:
    """A span without the articles, pronouns, numbers and punctuation at its ends; empty if it is long."""
    tokens = list(span)
    while tokens and (
        tokens[0].pos_ in {"ADP", "CCONJ", "DET", "PRON", "PUNCT", "SPACE"}
        or tokens[0].tag_ == "POS"
        or (tokens[0].ent_type_ == "CARDINAL" and tokens[-1].ent_type_ != "CARDINAL")
    ):
        tokens.pop(0)
    while tokens and (tokens[-1].pos_ in {"PUNCT", "SPACE"} or tokens[-1].tag_ == "POS"):
        tokens.pop()
    if not tokens or len(tokens) > _MOST_WORDS:
        return ""
    end = tokens[-1].i + 1
    while end + 1 < len(span.doc) and span.doc[end].text == "-" and not span.doc[end].whitespace_:
        end += 2  # editor-in-chief
    return str(span.doc[tokens[0].i : end].text)


def _group(verb: Token) -> str:
    """A verb with its auxiliaries, negation and particle: "was not handed over"."""
    words = [verb]
    if verb.dep_ == "xcomp" and verb.head.pos_ in {"VERB", "AUX"}:
        words.append(verb.head)
    words += [child for child in verb.children if child.dep_ in {"aux", "auxpass", "neg", "prt"}]
    return " ".join(word.lower_ for word in sorted(words, key=lambda word: word.i))


def _each(subjects: list[str], predicate: str, object_: str) -> Iterator[Said]:
    if len(object_) > 1 and object_.lower() not in VAGUE:
        yield from ((subject, predicate, object_) for subject in subjects if subject != object_)
