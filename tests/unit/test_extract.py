# SPDX-License-Identifier: Apache-2.0
"""Entities and facts from a real parse: one sentence a rule."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from memwalk.ingest import Extraction, SpacyExtractor, Triple, query_entities
from memwalk.ingest._extract import tidy

if TYPE_CHECKING:
    from pathlib import Path

    from spacy.language import Language


def triples(parser: Language, text: str, title: str = "") -> set[tuple[str, str, str]]:
    (extraction,) = SpacyExtractor(parser).extract([(title, text)])
    return set(extraction.triples)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Marie Curie founded the Radium Institute in Paris.", ("marie curie", "founded", "radium institute")),
        ("Marie Curie was born in Warsaw.", ("marie curie", "was born in", "warsaw")),
        ("The opera was written by Verdi.", ("opera", "was written by", "verdi")),
        ("Marie Curie did not leave Paris.", ("marie curie", "did not leave", "paris")),
        ("Isabella was the queen of Castile.", ("isabella", "was", "queen of castile")),
        ("Isabella was the queen of Castile.", ("isabella", "was queen of", "castile")),
        ("Theobald, the king of Navarre, died in Sicily.", ("theobald", "is", "king of navarre")),
        ("Theobald, the king of Navarre, died in Sicily.", ("theobald", "died in", "sicily")),
        ("Hugh married Guy's widow, Marozia.", ("marozia", "is widow of", "guy")),
        ("The editor of the journal is Esther Duflo.", ("esther duflo", "is editor of", "journal")),
        ("Marie Curie, who discovered radium, lived in Paris.", ("marie curie", "discovered", "radium")),
        ("Nature Physics is a journal published by Springer.", ("nature physics", "published by", "springer")),
        ("Verdi lived in Milan and wrote operas.", ("verdi", "wrote", "operas")),
        ("John Lennon and Paul McCartney wrote the song.", ("paul mccartney", "wrote", "song")),
        ("Verdi visited Milan, Venice and Rome.", ("verdi", "visited", "rome")),
        ("Teutberga died on 11 November 875.", ("teutberga", "died on", "11 november 875")),
        ("Honolulu is famous for Waikiki Beach.", ("honolulu", "is famous for", "waikiki beach")),
    ],
)
def test_what_a_sentence_says(parser: Language, text: str, expected: tuple[str, str, str]) -> None:
    assert expected in triples(parser, text)


def test_pronouns_and_what_the_title_is_mean_the_title(parser: Language) -> None:
    text = "Nature Physics is a scientific journal. It was founded in London. The journal is edited by Andrea Taroni."
    found = triples(parser, text, "Nature Physics")
    assert ("nature physics", "was founded in", "london") in found
    assert ("nature physics", "is edited by", "andrea taroni") in found
    assert not any(subject == "it" for subject, _, _ in triples(parser, text))


def test_a_title_that_the_passage_does_not_mention_takes_no_pronouns(parser: Language) -> None:
    found = triples(parser, "Elizabeth walked to Longbourn. She married Darcy in London.", "Chapter 12")
    assert ("elizabeth", "walked to", "longbourn") in found
    assert not any(subject == "chapter 12" for subject, _, _ in found)


def test_a_title_is_one_name_whatever_the_parser_makes_of_it(parser: Language) -> None:
    text = "Culture, Society and Masculinities was a journal published in Harriman."
    (extraction,) = SpacyExtractor(parser).extract([("Culture, Society and Masculinities", text)])
    assert Triple("culture society and masculinities", "published in", "harriman") in extraction.triples
    assert extraction.entities[0] == "culture society and masculinities"
    assert "culture" not in extraction.entities


def test_entities_are_names_dates_and_terms_one_for_each_mention(parser: Language) -> None:
    text = "Marie Curie moved to Paris in 1891. In Paris she studied radioactive decay with three friends."
    (extraction,) = SpacyExtractor(parser).extract([("", text)])
    assert extraction.entities.count("paris") == 2
    assert {"marie curie", "1891", "radioactive decay"} <= set(extraction.entities)
    assert not {"she", "three", "three friends"} & set(extraction.entities)


def test_ends_of_triples_are_entities(parser: Language, data: Path) -> None:
    rows = json.loads((data / "musique_train100" / "corpus.json").read_text(encoding="utf-8"))[:40]
    passages = [(row["title"], row["text"]) for row in rows]
    seen: list[tuple[int, int | None]] = []
    found = SpacyExtractor(parser).extract(passages, lambda _, done, total: seen.append((done, total)))
    assert seen == [(n, 40) for n in range(1, 41)]
    for extraction in found:
        assert {t.subject for t in extraction.triples} | {t.object for t in extraction.triples} <= set(
            extraction.entities
        )
        assert all(all(t) and t.subject != t.object for t in extraction.triples)
    assert sum(bool(extraction.triples) for extraction in found) > 35
    alone = [SpacyExtractor(parser).extract([passage])[0] for passage in passages[:8]]
    assert alone == found[:8]  # in any company


@pytest.mark.parametrize(
    "text", ["", " ", "?!", "\U0001f600", "ran", "and and and", "x" * 500, "(((", "She. It. He who."]
)
def test_odd_texts_are_survived(parser: Language, text: str) -> None:
    (extraction,) = SpacyExtractor(parser).extract([(text, text)])
    assert all(extraction.entities)


def test_the_name_tells_pipeline_and_version(parser: Language) -> None:
    assert SpacyExtractor(parser).name.endswith(parser.meta["version"])
    assert SpacyExtractor(parser).take_skipped() == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Who paid for the bridge?", ["bridge"]),
        ("What county is Erik Hort's birthplace a part of?", ["erik hort", "erik hort s birthplace"]),
        ("Who wrote Journal of Psychotherapy Integration?", ["journal of psychotherapy integration"]),
        ("What is the country where the Bubye River is found?", ["bubye river"]),
        ("Besides, who founded the first church courts?", ["first church courts"]),
        ("", []),
        ("?", []),
    ],
)
def test_what_a_question_names(parser: Language, query: str, expected: list[str]) -> None:
    found = query_entities(parser, query)
    assert set(expected) <= set(found)
    assert len(found) == len(set(found)) <= len(expected) + 2


def test_tidying_adds_the_ends_of_triples_once() -> None:
    assert tidy(
        ["Ada", "?", "ADA"], [("Ada", "saw", "Turin"), ("Turin", "!", "x"), ("Ada", "left", "Turin")]
    ) == Extraction(("ada", "ada", "turin"), (Triple("ada", "saw", "turin"), Triple("ada", "left", "turin")))
