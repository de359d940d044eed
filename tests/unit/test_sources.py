# SPDX-License-Identifier: Apache-2.0
"""Files and folders as documents, and what cannot be read."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memwalk.errors import SourceEmpty, SourceError, SourceMalformed, SourceNotFound, SourceNotReadable, SourceNotText
from memwalk.ingest import Source, read_sources
from memwalk.ingest.sources._markdown import read_markdown


def one(path: Path) -> Source:
    (found,) = read_sources(path)
    assert isinstance(found, Source), found
    return found


def refusal(path: Path) -> SourceError:
    (found,) = read_sources(path)
    assert isinstance(found, SourceError)
    return found


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# --- formats -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["My notes.txt", "My notes.text", "My notes.TXT", "My notes.log", "My notes"])
def test_plain_text_is_kept_to_the_character(tmp_path: Path, name: str) -> None:
    text = " line one\r\nl\u00efne two\n"
    source = one(write(tmp_path / name, "\ufeff" + text))
    assert source == Source((tmp_path / name).as_uri(), "My notes", text, "text")
    assert source.original == text
    assert source.locate(1, 5) == (1, 5)


def test_markdown_is_read_without_markup(tmp_path: Path) -> None:
    text = "# The *Title*\n\nA **bold** [word](http://x.y/word).\n"
    source = one(write(tmp_path / "f.md", text))
    assert (source.title, source.is_titled, source.format) == ("The Title", True, "markdown")
    assert source.text == "A bold word."
    assert source.original == text
    start, end = source.locate(source.text.index("bold"), source.text.index("bold") + 4)
    assert text[start:end] == "bold"


def test_markdown_without_a_heading_is_named_after_its_file(tmp_path: Path) -> None:
    source = one(write(tmp_path / "Day 1.markdown", "just text"))
    assert (source.title, source.is_titled) == ("Day 1", False)


def test_a_corpus_is_one_document_a_row(tmp_path: Path) -> None:
    rows = [
        {"title": "A b", "text": "one", "idx": 0},
        {"title": "\u00c4/#", "text": "two"},
        {"title": "A b", "text": "three"},
    ]
    file = write(tmp_path / "c.json", json.dumps(rows))
    found = list(read_sources(file))
    assert [source.uri for source in found if isinstance(source, Source)] == [
        f"{file.as_uri()}#A%20b",
        f"{file.as_uri()}#%C3%84/%23",
        f"{file.as_uri()}#A%20b#2",
    ]
    assert found[0] == Source(f"{file.as_uri()}#A%20b", "A b", "one", "hipporag", is_titled=True)


def test_bad_rows_of_a_corpus_are_told_of_and_the_rest_is_kept(tmp_path: Path) -> None:
    good = {"title": "t", "text": "x"}
    bad: list[Any] = [
        3,
        {"text": "x"},
        {"title": 1, "text": "x"},
        {"title": "t", "text": " "},
        {"title": "t", "text": "\0"},
    ]
    file = write(tmp_path / "c.json", json.dumps([good, *bad, {"title": "t", "text": "\ud800"}, good]))
    found = list(read_sources(file))
    errors = [error for error in found if isinstance(error, SourceMalformed)]
    assert [error.detail for error in errors] == [
        'row 2: not an object with "title" and "text"',
        'row 3: "title" is missing',
        'row 4: "title" is not a string',
        'row 5: "text" is empty',
        'row 6: "text" holds a NUL character',
        'row 7: "text" holds half of a surrogate pair',
    ]
    assert len(found) == len(errors) + 2


def test_a_list_of_something_else_is_told_of_once(tmp_path: Path) -> None:
    file = write(tmp_path / "questions.json", json.dumps([{"question": "q"}] * 50))
    assert 'row 1: "title" is missing' in str(refusal(file))


# --- what cannot be read -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("a.txt", b"", SourceEmpty),
        ("a.txt", b" \n\t\n", SourceEmpty),
        ("a.txt", b"\xef\xbb\xbf", SourceEmpty),
        ("a.md", b"<!-- nothing -->\n", SourceEmpty),
        ("a.json", b"[]", SourceEmpty),
        ("a.txt", b"abc\0def", SourceNotText),
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0", SourceNotText),
        ("a.txt", b"caf\xe9", SourceNotText),
        ("a.txt", "text".encode("utf-16"), SourceNotText),
        ("a.json", b'[{"title": "t",\n "text": }]', SourceMalformed),
        ("a.json", b'{"docs": []}', SourceMalformed),
        ("a.json", b"[" * 100_000, SourceMalformed),
        ("a.json", b"[" + b"9" * 5000 + b"]", SourceMalformed),
    ],
)
def test_a_file_that_cannot_be_read_is_told_of(
    tmp_path: Path, name: str, content: bytes, error: type[SourceError]
) -> None:
    file = write(tmp_path / name, content)
    told = refusal(file)
    assert type(told) is error
    assert told.path == str(file)


def test_malformed_json_is_told_of_with_its_place(tmp_path: Path) -> None:
    told = refusal(write(tmp_path / "a.json", '[{"title": "t",\n "text": }]'))
    assert told.detail == "line 2, column 10: Expecting value"


@pytest.mark.parametrize("name", ["missing.txt", "file.txt/below", "nul\0.txt", "long" * 100])
def test_what_does_not_exist_is_told_of(tmp_path: Path, name: str) -> None:
    write(tmp_path / "file.txt", "x")
    assert type(refusal(tmp_path / name)) is SourceNotFound


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert type(refusal(tmp_path / "pipe")) is SourceNotText


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder that anybody may enter, while the process is nobody (if it was root)."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if was == 0:
            os.seteuid(0)
        for path in folder.rglob("*"):
            path.chmod(0o700)
        shutil.rmtree(folder)


def test_without_permission_a_file_or_folder_is_told_of(unprivileged: Path) -> None:
    (unprivileged / "closed").mkdir()
    write(unprivileged / "closed" / "f.txt", "x")
    (unprivileged / "listed").mkdir()
    write(unprivileged / "listed" / "f.txt", "x")
    write(unprivileged / "open.txt", "x")
    write(unprivileged / "secret.txt", "x").chmod(0)
    (unprivileged / "closed").chmod(0)
    (unprivileged / "listed").chmod(0o400)
    found = list(read_sources(unprivileged))
    assert [(type(f), f.path) for f in found if isinstance(f, SourceError)] == [
        (SourceNotReadable, str(unprivileged / "closed")),
        (SourceNotReadable, str(unprivileged / "listed" / "f.txt")),
        (SourceNotReadable, str(unprivileged / "secret.txt")),
    ]
    assert [f.title for f in found if isinstance(f, Source)] == ["open"]
    assert type(refusal(unprivileged / "closed")) is SourceNotReadable
    assert type(refusal(unprivileged / "closed" / "f.txt")) is SourceNotReadable


# --- folders -------------------------------------------------------------------------------------


def test_a_folder_is_read_in_order_without_what_is_hidden(tmp_path: Path) -> None:
    for name in ["b.txt", "a/2.txt", "a/1.md", ".hidden.txt", ".git/x.txt", "c/binary.bin", "a.txt"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(tmp_path / name, "\0" if name.endswith("bin") else name)
    found = list(read_sources(tmp_path))
    assert [f.text if isinstance(f, Source) else type(f) for f in found] == [
        "a/1.md",
        "a/2.txt",
        "a.txt",
        "b.txt",
        SourceNotText,
    ]
    assert one(tmp_path / ".hidden.txt").text == ".hidden.txt"


def test_an_empty_folder_is_told_of(tmp_path: Path) -> None:
    assert type(refusal(tmp_path)) is SourceEmpty


def test_links_in_circles_end_and_a_file_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    write(tmp_path / "below" / "f.txt", "x")
    (tmp_path / "below" / "up").symlink_to(tmp_path)
    (tmp_path / "again.txt").symlink_to(tmp_path / "below" / "f.txt")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    found = list(read_sources(tmp_path))
    assert [f.uri for f in found if isinstance(f, Source)] == [(tmp_path / "below" / "f.txt").resolve().as_uri()]
    assert [type(f) for f in found if isinstance(f, SourceError)] == [SourceNotFound, SourceNotReadable]


def test_a_relative_path_gives_the_same_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "f.txt", "x")
    monkeypatch.chdir(tmp_path)
    assert one(Path("f.txt")) == one(file)


def test_files_can_be_left_out(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "x")
    write(tmp_path / "openie.json", "{}")
    assert [type(f) for f in read_sources(tmp_path, exclude=[tmp_path / "openie.json"])] == [Source]


# --- Markdown ------------------------------------------------------------------------------------

MARKDOWN = [
    "# ", "## ", "word ", "Other. ", "\n", "\n\n", "\r\n", "- ", "1. ", "> ", "**b**", "*", "_i_", "`code`", "`",
    "```\n", "[a](b 'c')", "[a][b]", "[b]: c\n", "![alt](x)", "<b>", "<http://a.b>", "&amp;", "&#65;", "\\*",
    "| a | b |\n|---|---|\n| c | d |\n", "    code\n", "\t", "  \n", "---\n", "~~s~~", "title: x\n", "\u00e9",
    "\U0001f600", "](", "<!-- ", "-->",
]  # fmt: skip


@given(st.one_of(st.text(max_size=80), st.lists(st.sampled_from(MARKDOWN), max_size=30).map("".join)))
def test_pieces_of_markdown_stand_where_they_say(text: str) -> None:
    text = text.replace("\0", "")
    markup = read_markdown(text)
    before = before_source = 0
    for piece in markup.pieces:
        assert before <= piece.start < piece.end <= len(markup.plain)
        assert before_source <= piece.source_start <= piece.source_end <= len(text)
        before, before_source = piece.end, piece.source_end
        if piece.end - piece.start == piece.source_end - piece.source_start and piece.end - piece.start > 1:
            assert markup.plain[piece.start : piece.end] == text[piece.source_start : piece.source_end]
    for start in range(0, len(markup.plain), 3):
        first, last = markup.locate(start, min(start + 5, len(markup.plain)))
        assert 0 <= first <= last <= len(text)


@pytest.mark.parametrize(
    ("text", "title", "plain"),
    [
        ('---\ntitle: "Front"\n---\n# Head\n\nBody', "Front", "Head\n\nBody"),
        ("Setext\n===\nBody", "Setext", "Body"),
        ("Before\n\n# Later\n\nBody", "Later", "Before\n\nLater\n\nBody"),
        ("# Alone", "Alone", "Alone"),
        ("- one\n- two\n  more", "", "one\n\ntwo\nmore"),
        ("| a | b |\n|---|---|\n| c | d |", "", "a | b\n\nc | d"),
        ("```py\nx = 1\n\ny\n```", "", "x = 1\ny"),
        ("a&amp;b \\*c\\* <i>d</i> <!-- e -->", "", "a&b *c* d "),
        ("![alt text](x.png) end", "", "alt text end"),
        ("> quoted\n> more", "", "quoted\nmore"),
    ],
)
def test_known_markdown(text: str, title: str, plain: str) -> None:
    markup = read_markdown(text)
    assert (markup.title, markup.plain) == (title, plain)


def test_escapes_and_links_keep_their_places() -> None:
    text = "\\*one\\* [two](http://x/three) &amp; three"
    markup = read_markdown(text)
    start = markup.plain.index("three")
    assert markup.locate(start, start + 5) == (text.rindex("three"), len(text))
    assert markup.locate(0, 1) == (0, 2)
    assert markup.locate(0, len(markup.plain)) == (0, len(text))


def test_markdown_is_read_in_linear_time() -> None:
    def seconds(size: int) -> float:
        text = "# H\n\nSome *text* with a [link](http://x.y) &amp; more.\n\n- item\n- item\n\n" * (size // 70)
        start = time.perf_counter()
        read_markdown(text)
        return time.perf_counter() - start

    seconds(1000)
    small = min(seconds(20_000) for _ in range(2))
    assert seconds(160_000) < 24 * small + 0.2
