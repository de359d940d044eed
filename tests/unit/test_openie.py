# SPDX-License-Identifier: Apache-2.0
"""OpenIE results of HippoRAG's shape, with all that is wrong in real ones."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from memwalk.errors import SourceEmpty, SourceError, SourceMalformed, SourceNotFound, SourceNotText
from memwalk.ingest import Extraction, OpenIEFile, Triple
from memwalk.progress import Progress


def write(path: Path, docs: Any) -> Path:
    file = path / "openie.json"
    file.write_text(json.dumps({"docs": docs, "avg_ent_chars": float("nan")}), encoding="utf-8")
    return file


def test_a_passage_is_found_by_title_and_text_by_passage_or_by_text(tmp_path: Path) -> None:
    rows = {"extracted_entities": ["Ada"], "extracted_triples": [["Ada", "lives in", "Turin"]]}
    file = write(
        tmp_path,
        [{"passage": "T1\nfirst"} | rows, {"title": "T2", "text": "second"} | rows, {"passage": "third"} | rows],
    )
    expected = Extraction(("ada", "turin"), (Triple("ada", "lives in", "turin"),))
    openie = OpenIEFile(file)
    passages = [("T1", "first"), ("T2", "second"), ("", "second"), ("Other", "third"), ("T1", " first\n")]
    assert openie.extract(passages) == [expected] * 5
    assert openie.take_skipped() == []


def test_rows_that_make_no_sense_are_told_of_once_and_the_rest_is_kept(tmp_path: Path) -> None:
    triples = [
        ["a", "b"],
        ["a", "b", "c", "d"],
        "abc",
        ["a", None, "c"],
        ["a", "?!", "c"],
        ["The Who", "are", "loud"],
        ["x", "is", "x"],
    ]
    file = write(
        tmp_path, [{"passage": "p", "extracted_entities": ["Ok", 3, "..."], "extracted_triples": triples}, "no object"]
    )
    openie = OpenIEFile(file)
    for _ in range(2):
        (extraction,) = openie.extract([("", "p")])
        assert extraction.triples == (Triple("the who", "are", "loud"), Triple("x", "is", "x"))
        assert extraction.entities == ("ok", "the who", "loud", "x")
    told = openie.take_skipped()
    assert all(isinstance(error, SourceMalformed) and error.path == str(file) for error in told)
    assert [error.detail.split(": ")[:2] for error in told] == [
        ["docs[1]", "no passage"],
        ["docs[0].extracted_entities[1]", "not a string"],
        ["docs[0].extracted_entities[2]", "no letter or digit"],
        ["docs[0].extracted_triples[0]", "2 parts instead of 3"],
        ["docs[0].extracted_triples[1]", "4 parts instead of 3"],
        ["docs[0].extracted_triples[2]", "not a list"],
        ["docs[0].extracted_triples[3]", "a part is not a string"],
        ["docs[0].extracted_triples[4]", "a part has no letter or digit"],
    ]
    assert openie.take_skipped() == []


def test_fields_of_another_type_are_told_of(tmp_path: Path) -> None:
    openie = OpenIEFile(write(tmp_path, [{"passage": "p", "extracted_entities": None, "extracted_triples": {"a": 1}}]))
    assert openie.extract([("", "p")]) == [Extraction()]
    assert len(openie.take_skipped()) == 2


class Fixed:
    """An extractor that says one thing of everything."""

    name = "fixed"

    def extract(self, passages: Sequence[tuple[str, str]], progress: Progress | None = None) -> list[Extraction]:  # noqa: ARG002
        return [Extraction((text,)) for _, text in passages]

    def take_skipped(self) -> list[SourceError]:
        return []


def test_passages_the_file_lacks_are_told_of_or_read_otherwise(tmp_path: Path) -> None:
    file = write(tmp_path, [{"passage": "p", "extracted_entities": ["here"]}])
    passages = [("", "q"), ("", "p"), ("Title", "r")]
    alone = OpenIEFile(file)
    assert alone.extract(passages) == [Extraction(), Extraction(("here",)), Extraction()]
    assert [error.detail for error in alone.take_skipped()] == [
        "nothing on the passage 'q'",
        "nothing on the passage 'Title'",
    ]
    helped = OpenIEFile(file, Fixed())
    assert helped.extract(passages) == [Extraction(("q",)), Extraction(("here",)), Extraction(("r",))]
    assert helped.take_skipped() == []


def test_the_name_is_that_of_the_content(tmp_path: Path) -> None:
    first = OpenIEFile(write(tmp_path, [])).name
    assert first == OpenIEFile(write(tmp_path, [])).name
    assert first != OpenIEFile(write(tmp_path, [{"passage": "p"}])).name


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, SourceNotFound),
        (b"", SourceEmpty),
        (b"\x00\x01", SourceNotText),
        (b'{"docs": [', SourceMalformed),
        (b"[" * 100_000, SourceMalformed),
        (b'{"docs": ' + b"1" * 5000 + b"}", SourceMalformed),
        (b"[]", SourceMalformed),
        (b'{"docs": 3}', SourceMalformed),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: bytes | None, error: type[SourceError]) -> None:
    file = tmp_path / "f.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(error):
        OpenIEFile(file)


def test_the_real_file(data: Path) -> None:
    folder = data / "musique_train100"
    corpus = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
    openie = OpenIEFile(folder / "openie_gpt-3.5-turbo-1106.json")
    found = openie.extract([(row["title"], row["text"]) for row in corpus])
    told = [error.detail for error in openie.take_skipped()]
    assert sum("instead of 3" in detail for detail in told) == 185
    assert len(told) == 187
    assert sum(len(extraction.triples) for extraction in found) == 17_419 - 186
    assert len({triple for extraction in found for triple in extraction.triples}) == 17_033
