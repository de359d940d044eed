# SPDX-License-Identifier: Apache-2.0
"""Sentences and chunks: exact offsets, nothing lost, no chunk too long."""

import itertools
import re
import time
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memwalk.errors import InvalidArgument
from memwalk.text import chunk, sentences

Spans = list[tuple[int, int]]

PIECES = [
    "a", "B", "the ", "Go", "word ", "e\u0301", "\U0001f600", "\u3002", "\uff01", ".", "!", "? ", " ", "\n", "\n\n",
    "\r\n", "\r\n \r\n", "\u2028", "\x0b", "\x85", "\xa0", '"', "\u201c", "(", ")", "[1]", "1. ", "- ", "Dr. ", "e.g. ",
    "U.S. ", "...", "\u200d", "\x00", "x" * 120, "J. ", "; ",
]  # fmt: skip
TEXTS = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=80).map("".join))

LIMITS = st.integers(8, 40).flatmap(lambda m: st.tuples(st.just(m), st.integers(0, m // 2)))


def words(text: str) -> Spans:
    """A token is a run of at most four word characters, or another character that is not white space."""
    return [m.span() for m in re.finditer(r"\w{1,4}|[^\w\s]", text)]


def words_with_space(text: str) -> Spans:
    """As byte-level tokenizers do: the space before a word belongs to it, and one character may be several tokens."""
    spans: Spans = []
    for m in re.finditer(r" ?\w{1,4}|\s|[^\w\s]", text):
        spans += [m.span()] * (3 if ord(m.group()[-1]) > 0x2000 else 1)
    return spans


def solid(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t ", []),
        ("No stop", ["No stop"]),
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Smith met J. R. R. Tolkien. They ate.", ["Dr. Smith met J. R. R. Tolkien.", "They ate."]),
        ("A heading\n\nIts text", ["A heading", "Its text"]),
        ("A heading\r\n \r\nIts text", ["A heading", "Its text"]),
        ("A wrapped\nline. Another.", ["A wrapped\nline.", "Another."]),
        ("\u4eca\u65e5\u3002\u660e\u65e5\uff01\u6b21", ["\u4eca\u65e5\u3002", "\u660e\u65e5\uff01", "\u6b21"]),
        ("Er fuhr nach K\u00f6ln. \u00c4rzte kamen.", ["Er fuhr nach K\u00f6ln.", "\u00c4rzte kamen."]),
        ("\u041e\u043d \u0448\u0451\u043b. \u0414\u0430.", ["\u041e\u043d \u0448\u0451\u043b.", "\u0414\u0430."]),
    ],
)  # fmt: skip
def test_known_sentences(text: str, expected: list[str]) -> None:
    assert [text[a:b] for a, b in sentences(text)] == expected


@given(TEXTS)
@example("[1] a \x85b c.\xa0d")
@example(".B.B(.\x85")
def test_sentences_are_ordered_trimmed_and_complete(text: str) -> None:
    found = sentences(text)
    assert all(a < b for a, b in found)
    assert all(left[1] <= right[0] for left, right in itertools.pairwise(found))
    assert all(text[a:b] == text[a:b].strip() for a, b in found)
    assert solid("".join(text[a:b] for a, b in found)) == solid(text)


@given(TEXTS, st.sampled_from([words, words_with_space]), LIMITS)
@example("0 \r\r\r\r\r\n\n0", words_with_space, (8, 0))
@example("0 0\r\r00000\ud7fc0", words_with_space, (8, 1))
@example("a" + " \t" * 30 + "b. c", words_with_space, (8, 4))
def test_chunks_are_exact_complete_and_within_the_limit(
    text: str, spans: Callable[[str], Spans], limits: tuple[int, int]
) -> None:
    max_tokens, overlap = limits
    chunks = chunk(text, spans, max_tokens, overlap)
    covered: set[int] = set()
    for c in chunks:
        assert c.text == text[c.start : c.end] == c.text.strip() != ""
        covered.update(range(c.start, c.end))
    assert all(text[i].isspace() for i in range(len(text)) if i not in covered)
    for left, right in itertools.pairwise(chunks):
        assert left.start < right.start
        assert left.end < right.end
    assert all(len(spans(c.text)) <= max_tokens for c in chunks)
    if overlap == 0:
        assert solid("".join(c.text for c in chunks)) == solid(text)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=30), st.integers(0, 12))
def test_overlap_is_the_last_sentences_that_fit(lengths: list[int], overlap: int) -> None:
    listed = [" ".join([f"S{i}"] + ["w"] * (n - 1)) + "." for i, n in enumerate(lengths)]
    text = "\n\n".join(listed)

    def spans(s: str) -> Spans:
        return [m.span() for m in re.finditer(r"\S+", s)]

    chunks = chunk(text, spans, 24, overlap)
    for left, right in itertools.pairwise(chunks):
        shared = text[right.start : left.end]
        assert len(spans(shared)) <= overlap
        before = left.text.split("\n\n")
        if shared in before or shared.split("\n\n")[0] in before:  # whole sentences: one more would not fit
            taken = len(shared.split("\n\n"))
            if taken < len(before) - 1:
                new = right.text.split("\n\n")[taken]
                assert len(before[-taken - 1].split()) + len(shared.split()) > min(overlap, 24 - len(new.split()))
        elif shared:  # the last words of one sentence
            assert before[-1].endswith(shared)


@given(
    st.lists(
        st.lists(st.sampled_from(["word", "Two.", "x" * 30, "Dr. Go", "a; b"]), max_size=40).map(" ".join), max_size=12
    ),
    st.integers(8, 40),
)
def test_stretches_are_kept_whole_where_they_fit(turns: list[str], max_tokens: int) -> None:
    """A stretch to be kept is in one chunk if it has no more than `max_tokens`; nothing is lost or too long."""
    turns = [turn.strip() for turn in turns if turn.strip()]
    text = "\n\n".join(turns)
    whole, at = [], 0
    for turn in turns:
        whole.append((at, at + len(turn)))
        at += len(turn) + 2
    chunks = chunk(text, words, max_tokens, max_tokens // 4, whole=whole)
    assert all(text[c.start : c.end] == c.text for c in chunks)
    held = {place for c in chunks for place in range(c.start, c.end)}
    assert all(place in held for place, character in enumerate(text) if not character.isspace())
    for start, end in whole:
        if len(words(text[start:end])) <= max_tokens:
            assert any(c.start <= start and end <= c.end for c in chunks)


def test_a_long_sentence_is_cut_after_punctuation_then_between_words() -> None:
    text = "aaa bbb ccc ddd eee, fff; ggg hhh iii jjj kkk lll mmm nnn ooo ppp qqq"
    parts = [c.text for c in chunk(text, words, 8, 0)]
    assert parts[0] == "aaa bbb ccc ddd eee, fff;"
    assert parts[1:] == ["ggg hhh iii jjj kkk lll mmm nnn", "ooo ppp qqq"]
    assert [c.text for c in chunk("x" * 100, words, 8, 0)] == ["x" * 32] * 3 + ["x" * 4]


def test_a_blob_that_is_one_token_is_still_cut() -> None:
    blob = "q" * 5000
    chunks = chunk(blob, lambda s: [(0, len(s))], 10, 0)
    assert max(len(c.text) for c in chunks) == 1000
    assert "".join(c.text for c in chunks) == blob


def test_a_paragraph_that_fits_stays_whole() -> None:
    text = "One two three. Four five six. Seven."
    assert [c.text for c in chunk(text, words, 40, 10)] == [text]


@pytest.mark.parametrize(("max_tokens", "overlap"), [(7, 0), (10, -1), (10, 6)])
def test_senseless_limits_are_refused(max_tokens: int, overlap: int) -> None:
    with pytest.raises(InvalidArgument):
        chunk("a", words, max_tokens, overlap)


@pytest.mark.parametrize("shape", ["One two three, four. ", "word ", "x", "a\n\n", '" (. ', "\n"])
def test_time_grows_with_the_text_and_not_faster(shape: str) -> None:
    def seconds(size: int) -> float:
        text = shape * (size // len(shape))
        best = 1e9
        for _ in range(2):
            start = time.perf_counter()
            chunk(text, words, 64, 16)
            best = min(best, time.perf_counter() - start)
        return best

    small, large = seconds(20_000), seconds(160_000)
    assert large < 24 * small + 0.2  # 8 times the text; quadratic would be 64 times the time
