# SPDX-License-Identifier: Apache-2.0
"""Phrases as keys."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memwalk.text import normalise_phrase


@pytest.mark.parametrize(
    ("phrase", "normal"),
    [
        ("Erik Hort", "erik hort"),
        ("  Lothair\u00a0II\n of\tLotharingia ", "lothair ii of lotharingia"),
        ("St. Maurice's Abbey", "st maurice s abbey"),
        ("snake_case-and/slash", "snake case and slash"),
        ("1.355", "1 355"),
        ("S\u00fcdhof", "s\u00fcdhof"),
        ("Su\u0308dhof", "s\u00fcdhof"),
        ("STRASSE", "strasse"),
        ("Stra\u00dfe", "strasse"),
        ("\ufb01nance", "finance"),  # a ligature
        ("\uff21\uff22\uff23\uff11", "abc1"),  # full-width
        ("\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2", "\u03c3\u03af\u03c3\u03c5\u03c6\u03bf\u03c3"),
        ("\u5317\u4eac\u5e02\u3002", "\u5317\u4eac\u5e02"),
        ("\u0939\u093f\u0928\u094d\u0926\u0940!", "\u0939\u093f\u0928\u094d\u0926\u0940"),  # vowel signs stay
        ("soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"),
        ("\u2600\ufe0f", ""),  # a symbol with a variation selector
        ("?!", ""),
        ("", ""),
    ],
)
def test_known_phrases(phrase: str, normal: str) -> None:
    assert normalise_phrase(phrase) == normal


@given(st.text())
def test_applied_again_it_changes_nothing(phrase: str) -> None:
    once = normalise_phrase(phrase)
    assert normalise_phrase(once) == once


@given(st.text(max_size=8).map(lambda s: s * 2), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_unicode_forms_of_one_phrase_are_one_key(phrase: str, form: "str") -> None:
    assert normalise_phrase(unicodedata.normalize(form, phrase)) == normalise_phrase(phrase)  # type: ignore[arg-type]


@given(st.text())
def test_only_words_of_letters_digits_and_marks_are_left(phrase: str) -> None:
    normal = normalise_phrase(phrase)
    assert normal == " ".join(normal.split())
    assert all(unicodedata.category(c)[0] in "LMN" for c in normal if c != " ")
    assert not any(unicodedata.category(word[0])[0] == "M" for word in normal.split())


@given(st.text(st.characters(max_codepoint=127)))
def test_on_ascii_it_is_hipporags_rule_with_spaces_collapsed(phrase: str) -> None:
    assert normalise_phrase(phrase) == " ".join(re.sub("[^A-Za-z0-9 ]", " ", phrase.lower()).split())
