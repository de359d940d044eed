# SPDX-License-Identifier: Apache-2.0
"""HTML, PDF, JSON Lines, chats, streams: what is read, and that it stands where it is said to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memwalk.errors import (
    InvalidArgument,
    SourceEmpty,
    SourceError,
    SourceMalformed,
    SourceNotReadable,
    SourceNotText,
)
from memwalk.ingest.sources import FORMATS, Source, Turn, read_sources, read_stream
from memwalk.ingest.sources._html import read_html

DATA = Path(__file__).parents[1] / "data" / "formats"


def read(name: str, data: str | bytes, **options: Any) -> list[Source | SourceError]:
    return [*read_stream(data.encode() if isinstance(data, str) else data, name, **options)]


def one(name: str, data: str | bytes) -> Source:
    (found,) = read(name, data)
    assert isinstance(found, Source), found
    return found


def told(name: str, data: str | bytes) -> list[str]:
    return [found.detail for found in read(name, data) if isinstance(found, SourceError)]


def test_real_files_are_what_their_suffixes_say() -> None:
    """Each of the real files is read in its format, without a fault."""
    found = [*read_sources(DATA)]
    assert not [error for error in found if isinstance(error, SourceError)]
    formats = {Path(source.uri.split("#")[0]).name: source.format for source in found if isinstance(source, Source)}
    assert formats == {
        "chat.jsonl": "chat",
        "documents.jsonl": "jsonl",
        "edges.csv": "csv",
        "lives.pdf": "pdf",
        "page.html": "html",
        "workshops.graphml": "graphml",
    }


# --- HTML ----------------------------------------------------------------------------------------


def test_real_page_is_read_for_its_main_text() -> None:
    """The article, with its own header and footer and without what is of the site, hidden, or a program."""
    (page,) = read_sources(DATA / "page.html")
    assert isinstance(page, Source)
    assert (page.title, page.is_titled) == ("Iron workers & tool makers", True)
    assert page.text.startswith("From Industrial Biography (1863),\nby Samuel Smiles\n\nThe first iron bridge\n\nIt is")
    assert "Cast steel | Benjamin Huntsman" in page.text
    assert "Coalbrookdale\n  1779   the first iron bridge" in page.text
    assert page.text.endswith("Chapters V, VI and IX.")
    for left_out in ("not a word", "Reading Room", "Authors", "Readers also", "cookies", "<", "&"):
        assert left_out not in page.text
    for words in ("Samuel Smiles", "Mr. Darby\u2019s merit", "James Beaumont Neilson", "Chapters V"):
        at = page.text.index(words)
        start, end = page.locate(at, at + len(words))
        assert page.original[start:end].replace("&rsquo;", "\u2019") == words


@pytest.mark.parametrize(
    ("html", "title", "plain"),
    [
        ("<title>A  page</title><p>x", "A page", "x"),
        ("<h1>Head</h1>", "Head", "Head"),
        ("<title>Site</title><h1>Head</h1><p>x", "Site", "Head\n\nx"),
        ("<title>Head - Site</title><h1>Head</h1><p>x", "Head", "x"),
        ("<h1>Site</h1><main><h1>Head</h1>x</main>", "Head", "x"),
        ("one<br>two<p>three<li>four", "", "one\ntwo\n\nthree\n\nfour"),
        ("a <b> b</b>\n\tc&nbsp;d &lt;e&gt; &#102;&#x67; AT&T &nosuch;", "", "a b c\xa0d <e> fg AT&T &nosuch;"),
        ("<div><nav>left open</div>kept", "", "kept"),
        ("<script>a < b</script>x<style>p > q {}</style><script/>y", "", "xy"),
        ("<p hidden>no</p><p aria-hidden=true>no</p><svg><title>no</title></svg>yes", "", "yes"),
        ("<header>no</header><footer>no</footer>yes", "", "yes"),
        ("x<![if ie]>y<!-- no -->z<?php no ?>", "", "xyz"),
        ("a < b", "", "a < b"),
        ("kept <a href='never ends", "", "kept"),
        ("kept <!-- never ends", "", "kept"),
        ("kept &am", "", "kept &am"),
    ],
)
def test_known_pages(html: str, title: str, plain: str) -> None:
    """Small pages, each with one difficulty."""
    markup = read_html(html)
    assert (markup.title, markup.plain) == (title, plain)


TAGS = [
    "<p>", "</p>", "<b>", "</b>", "<div hidden>", "</div>", "<main>", "</main>", "<article>", "<nav>", "</nav>",
    "<h1>", "</h1>", "<br/>", "<title>", "</title>", "<pre>", "</pre>", "<script>", "</script>", "<td>", "<tr>",
    "<svg/>", "<!--", "-->", "<![CDATA[", "]]>", "<!", "<?", "<", ">", "&", "&amp;", "&#65", "&#0;", "&nbsp;",
    "&notit;", "&#x110000;", " ", "  ", "\n", "\r\n", "\t", "word", "\u00e9", "\U0001f600", "a b", "=", '"',
    "<p title='", "'>", "</", "</x>",
]  # fmt: skip


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(TAGS), max_size=40).map("".join)))
@example("<a<![x")
def test_pieces_of_a_page_stand_where_they_say(html: str) -> None:
    """Every page is read; pieces are in order in both texts, and equal where they are of equal length."""
    html = html.replace("\0", "")
    markup = read_html(html)
    before = before_source = 0
    for piece in markup.pieces:
        assert before <= piece.start < piece.end <= len(markup.plain)
        assert before_source <= piece.source_start < piece.source_end <= len(html)
        before, before_source = piece.end, piece.source_end
        if piece.end - piece.start == piece.source_end - piece.source_start:
            assert markup.plain[piece.start : piece.end] == html[piece.source_start : piece.source_end]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ('<meta charset="iso-8859-1"><p>caf\xe9 \x93x\x94'.encode("latin-1"), "caf\u00e9 \u201cx\u201d"),
        (b"<meta charset=shift_jis>" + "\u65e5\u672c".encode("shift_jis"), "\u65e5\u672c"),
        (b'<META http-equiv="Content-Type" content="text/html; charset=KOI8-R">' + "\u0434".encode("koi8-r"), "\u0434"),
        ("<meta charset=utf-16><p>\u00e9".encode(), "\u00e9"),
        ("\ufeff<meta charset=latin1><p>\u00e9".encode(), "\u00e9"),
        ("<meta charset=rot13><p>\u00e9".encode(), "\u00e9"),
    ],
)
def test_pages_in_other_encodings(data: bytes, text: str) -> None:
    """A page may declare an encoding, of those that browsers know."""
    assert one("p.html", data).text == text


def test_pages_that_cannot_be_read_are_told_of() -> None:
    """Bytes that are not in the encoding; nothing but markup."""
    assert [type(found) for found in read("p.html", b"<p>caf\xe9")] == [SourceNotText]
    assert [type(found) for found in read("p.html", "<nav>x</nav>")] == [SourceEmpty]


# --- PDF -----------------------------------------------------------------------------------------


def test_real_pdf_is_read_by_page() -> None:
    """Text, title and the page of each place; words divided at the end of a line are whole."""
    (pdf,) = read_sources(DATA / "lives.pdf")
    assert isinstance(pdf, Source)
    assert (pdf.title, pdf.is_titled) == ("Lives of three iron workers", True)
    pages = pdf.text.split("\f")
    assert [page.split("\n")[0] for page in pages] == ["Abraham Darby", "Benjamin Huntsman", "James Fox"]
    assert [pdf.page(pdf.text.index(name)) for name in ("Dudley", "Doncaster", "Foxhall")] == [1, 2, 3]
    assert pdf.original == pdf.text
    assert pdf.locate(3, 9) == (3, 9)


def test_pdfs_that_cannot_be_read_are_told_of() -> None:
    """Cut off, empty, something else, corrupted inside, closed by a password."""
    whole = (DATA / "lives.pdf").read_bytes()
    assert [type(found) for found in read("a.pdf", whole[: len(whole) // 2])] == [SourceMalformed]
    assert [type(found) for found in read("a.pdf", b"")] == [SourceEmpty]
    assert [type(found) for found in read("a.pdf", b"\x89PNG\r\n")] == [SourceMalformed]
    assert "no PDF that can be opened" in told("a.pdf", b"%PDF-1.7\nnothing\n%%EOF\n")[0]
    assert [type(found) for found in read("a.pdf", b"%PDF-1.7" + b"\x00" * 5000 + b"%%EOF")] == [SourceMalformed]
    scan = _pdf(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>")
    assert [type(found) for found in read("a.pdf", scan)] == [SourceEmpty]
    closed = _pdf(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>", b"/Encrypt 4 0 R /ID [<00> <00>]")
    assert [type(found) for found in read("a.pdf", closed)] == [SourceNotReadable]


def _pdf(page: bytes, trailer: bytes = b"") -> bytes:
    """A small PDF, its fourth object an encryption that no password fits."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        page,
        b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (b"00" * 32, b"11" * 32),
    ]
    written, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    at = len(written)
    written += b"xref\n0 5\n0000000000 65535 f \n" + table
    return written + b"trailer\n<< /Size 5 /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (trailer, at)


# --- JSON Lines ----------------------------------------------------------------------------------


def test_a_row_is_a_document() -> None:
    """Known by its id, else its title, else its number; other fields are no matter."""
    rows = [
        '{"id": 7, "title": "T", "text": "one", "x": NaN}',
        "",
        '{"title": "T", "text": "two"}',
        '{"text": "three"}',
    ]
    found = read("d.jsonl", "\n".join([*rows, rows[2]]))
    assert found == [
        Source("stdin:d.jsonl#7", "T", "one", "jsonl", is_titled=True),
        Source("stdin:d.jsonl#T", "T", "two", "jsonl", is_titled=True),
        Source("stdin:d.jsonl#row=4", "d", "three", "jsonl"),
        Source("stdin:d.jsonl#T#2", "T", "two", "jsonl", is_titled=True),
    ]


def test_bad_rows_are_told_of_by_number() -> None:
    """Broken JSON, NaN for a text, something else: the rest is kept."""
    rows = ['{"text": "ok"}', '{"text": NaN}', '{"text": ', "[1]", '{"text": "x", "id": 1.5}', '{"text": "\\ud800"}']
    assert told("d.jsonl", "\n".join(rows)) == [
        'row 2: "text" is not a string',
        "row 3: column 10: Expecting value",
        'row 4: not an object with "text"',
        'row 5: "id" is neither a string nor a whole number',
        'row 6: "text" holds half of a surrogate pair',
    ]
    assert len(read("d.jsonl", "\n".join(rows))) == 6


def test_json_lines_of_something_else_are_told_of_once() -> None:
    """A file without a document in it is one fault."""
    assert len(told("d.jsonl", '{"q": 1}\n' * 50)) == 1


# --- chats ---------------------------------------------------------------------------------------


def test_real_chat_is_one_document_of_turns() -> None:
    """Who said what, when, and where that stands in the file."""
    (chat,) = read_sources(DATA / "chat.jsonl")
    assert isinstance(chat, Source)
    assert (chat.title, chat.is_titled) == ("chat", False)
    said = [chat.text[turn.start : turn.end] for turn in chat.turns]
    assert said[0] == "Ada: When did you first see the calculating engine, Charles?"
    assert said[1] == "Charles: In 1822, in my own rooms. It had six wheels.\nIt computed squares."
    assert "\n\n".join(said) == chat.text
    assert chat.turns[0].at == 1772442000000
    assert chat.time(chat.turns[0].start, chat.turns[1].end) == chat.turns[1].at
    for words in ("six wheels.\nIt computed", "always does \U0001f600", "in April"):
        at = chat.text.index(words)
        start, end = chat.locate(at, at + len(words))
        assert json.loads(f'"{chat.original[start:end]}"') == words
    assert chat.original == (DATA / "chat.jsonl").read_text(encoding="utf-8")


def test_several_conversations_in_a_file() -> None:
    """By name, or one a row; rows that are added to one change nothing of another."""
    rows = ['{"role": "a", "content": "x", "conversation": "c"}', '{"role": "b", "content": "y", "conversation": 2}']
    whole = '{"id": "w", "title": "W", "messages": [{"role": "a", "content": "p"}, {"role": "b", "content": "q"}]}'
    found = read("f.jsonl", "\n".join([*rows, whole, rows[0]]))
    assert [(s.uri, s.title, s.text) for s in found if isinstance(s, Source)] == [
        ("stdin:f.jsonl#w", "W", "a: p\n\nb: q"),
        ("stdin:f.jsonl#c", "f c", "a: x\n\na: x"),
        ("stdin:f.jsonl#2", "f 2", "b: y"),
    ]
    assert read("f.jsonl", "\n".join(["", *rows, rows[0]]))[1] == found[2]


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ('"2026-03-02T09:00:00Z"', 1772442000000),
        ('"2026-03-02T10:00:00+01:00"', 1772442000000),
        ('"2026-03-02 09:00"', 1772442000000),
        ("1772442000", 1772442000000),
        ("1772442000.5", 1772442000500),
        ("1772442000000", 1772442000000),
        ("null", None),
        ('""', None),
    ],
)
def test_times(time: str, at: int | None) -> None:
    """ISO 8601 (UTC if it does not say), seconds or milliseconds."""
    assert one("f.jsonl", f'{{"role": "a", "content": "x", "time": {time}}}').turns == (Turn(0, 4, at),)


def test_bad_turns_are_told_of() -> None:
    """A time that is none, content that is none; the rest is kept."""
    rows = [
        '{"role": "a", "content": "x"}',
        '{"role": "a", "content": "x", "time": NaN}',
        '{"role": "a", "content": "x", "time": "soon"}',
        '{"role": "a", "content": null}',
        '{"role": " ", "content": "x"}',
        '{"role": "a", "content": "x", "conversation": [1]}',
        '{"messages": 3}',
        '{"messages": []}',
        '{"messages": [{"role": "a"}, {"role": "a", "content": "y"}]}',
        "{",
    ]
    assert told("f.jsonl", "\n".join(rows)) == [
        'row 2: "time" is no time: NaN',
        'row 3: "time" is no time: "soon"',
        'row 4: "content" is not a string',
        'row 5: "role" is empty',
        'row 6: "conversation" is not a name',
        'row 7: "messages" is not a list',
        "row 8: a conversation without turns",
        'row 9, message 1: "content" is missing',
        "row 10: column 2: Expecting property name enclosed in double quotes",
    ]


CONTENT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)


@given(
    st.lists(st.tuples(CONTENT.filter(str.strip), CONTENT.filter(str.strip)), min_size=1, max_size=6),
    st.booleans(),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " :  ")]),
)
def test_turns_stand_where_they_say(
    turns: list[tuple[str, str]], ascii_only: bool, separators: tuple[str, str]
) -> None:
    """Each content is found again, as JSON writes it, at its place in the file: escapes, pairs, any spacing."""
    rows = [
        json.dumps({"role": role, "x": {"content": 1}, "content": said}, ensure_ascii=ascii_only, separators=separators)
        for role, said in turns
    ]
    chat = one("f.jsonl", "\n".join(rows))
    for turn, (_, said) in zip(chat.turns, turns, strict=True):
        kept = said.rstrip()
        start, end = chat.locate(turn.end - len(kept), turn.end)
        assert json.loads(f'"{chat.original[start:end]}"') == kept


# --- names, formats, sizes -----------------------------------------------------------------------


def test_what_comes_through_stdin_has_the_name_it_is_given() -> None:
    """A name becomes an address, an address stays one; the suffix says the format unless told."""
    assert one("my notes.md", "# T\n\nx").uri == "stdin:my%20notes.md"
    page = one("https://example.org/a/page.html?q=1", "<p>x")
    assert (page.uri, page.title, page.format) == ("https://example.org/a/page.html?q=1", "page", "html")
    (forced,) = read("https://example.org/", "<p>x", as_format="html")
    assert isinstance(forced, Source)
    assert forced.format == "html"
    for name in ("", " ", "a\nb"):
        with pytest.raises(InvalidArgument):
            read(name, "x")
    with pytest.raises(InvalidArgument, match="docx"):
        read("a", "x", as_format="docx")


@pytest.mark.parametrize("as_format", sorted(FORMATS))
def test_nothing_is_told_of_in_every_format(as_format: str) -> None:
    """An empty file, and bytes that are no text, are errors with the file's name."""
    for data in (b"", b"\xff\xfe\x00"):
        (found,) = read("f", data, as_format=as_format)
        assert isinstance(found, SourceError)
        assert found.path == "f"
