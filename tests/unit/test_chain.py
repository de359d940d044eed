# SPDX-License-Identifier: Apache-2.0
"""The hash chain: what was changed, taken out, swapped, repeated or cut off is told, with its place."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memwalk.errors import InvalidArgument
from memwalk.store._chain import START, ChainReport, Head, chain_hash, verify_chain

Record = dict[str, Any]


def chain(*texts: str) -> list[Record]:
    """A chain with one record a text."""
    records: list[Record] = []
    for seq, text in enumerate(texts, start=1):
        record = {"seq": seq, "text": text}
        records.append({**record, "hash": chain_hash(records[-1]["hash"] if records else "", record)})
    return records


def end(records: list[Record]) -> Head:
    """Its last place."""
    return Head(records[-1]["seq"], records[-1]["hash"]) if records else START


def fault(report: ChainReport) -> tuple[int, str]:
    """Place and kind of the fault."""
    assert report.fault is not None
    assert not report.ok
    return report.fault.seq, report.fault.kind


def test_hash_is_the_canonical_one() -> None:
    """The bytes that are hashed are pinned: chains written by one release are read by the next."""
    expected = hashlib.sha256('["ab",{"a":[1,null],"ü":"é"}]'.encode()).hexdigest()
    assert chain_hash("ab", {"ü": "é", "a": (1, None)}) == expected
    assert len(chain_hash("", {"name": "\udcff"})) == 64
    with pytest.raises(ValueError, match="JSON compliant"):
        chain_hash("", {"x": float("nan")})


@given(st.lists(st.text(max_size=5), max_size=6))
def test_whole_chain_holds(texts: list[str]) -> None:
    """An untouched chain, the empty one included, is whole and tells its head."""
    records = chain(*texts)
    report = verify_chain(iter(records), end=end(records), anchor=end(records))
    assert report.ok
    assert report.head == end(records)


@given(st.data(), st.lists(st.text(max_size=3), min_size=1, max_size=6))
def test_any_tampering_is_found(data: st.DataObject, texts: list[str]) -> None:
    """Whatever list of records one makes out of a chain's, only the chain itself passes."""
    records = chain(*texts)
    tampered = data.draw(st.lists(st.sampled_from(records), max_size=7))
    if data.draw(st.booleans()) and tampered:
        i = data.draw(st.integers(0, len(tampered) - 1))
        field = data.draw(st.sampled_from(["seq", "text", "hash"]))
        value = data.draw(
            st.integers(-1, 7) if field == "seq" else st.sampled_from(["x", texts[0], records[0]["hash"]])
        )
        tampered[i] = {**tampered[i], field: value}
    assert verify_chain(tampered, end=end(records)).ok == (tampered == records)


def test_each_kind_is_named() -> None:
    """The first fault is told with its number and what it is."""
    records = chain("a", "b", "c", "d")
    a, b, c, d = records
    assert fault(verify_chain([a, {**b, "text": "x"}, c, d])) == (2, "changed")
    assert fault(verify_chain([a, {**b, "extra": None}, c, d])) == (2, "changed")
    assert fault(verify_chain([a, {**b, "hash": "0" * 64}, c, d])) == (2, "changed")
    assert fault(verify_chain([a, {**b, "seq": "2"}, c, d])) == (2, "changed")
    assert fault(verify_chain([a, {**b, "text": float("inf")}, c, d])) == (2, "changed")
    assert fault(verify_chain([a, {**b, "text": object()}, c, d])) == (2, "changed")
    assert fault(verify_chain([a, c, d])) == (2, "missing")
    assert fault(verify_chain([b, c, d])) == (1, "missing")
    assert fault(verify_chain([a, c, b, d])) == (2, "reordered")
    assert fault(verify_chain([a, b, b, c, d])) == (2, "repeated")
    assert fault(verify_chain([a, b], end=end(records))) == (3, "missing")
    assert fault(verify_chain([], end=end(records))) == (1, "missing")
    assert verify_chain([a, {**b, "text": "x"}]).head == Head(1, a["hash"])


def test_cut_or_grown_end() -> None:
    """Records beyond the known end, or another last record, do not pass."""
    records = chain("a", "b", "c")
    assert fault(verify_chain(records, end=Head(2, records[1]["hash"]))) == (3, "changed")
    assert fault(verify_chain(records, end=Head(3, "0" * 64))) == (3, "changed")


def test_anchor_finds_a_chain_written_anew() -> None:
    """A forged chain that is whole in itself is told by an anchor kept elsewhere."""
    kept = end(chain("a", "b"))
    forged = chain("a", "x", "c")
    assert verify_chain(forged, end=end(forged)).ok
    assert fault(verify_chain(forged, end=end(forged), anchor=kept)) == (2, "anchor")
    assert fault(verify_chain(chain("a"), anchor=kept)) == (2, "missing")
    assert verify_chain(chain("a", "b", "c"), anchor=Head.parse(str(kept))).ok


def test_goes_on_from_a_place() -> None:
    """A chain whose beginning is elsewhere is read from there on; an anchor before it is refused."""
    records = chain("a", "b", "c")
    after = Head(2, records[1]["hash"])
    assert verify_chain(records[2:], after=after, end=end(records), anchor=after).ok
    assert fault(verify_chain(records[2:], after=Head(2, "0" * 64))) == (3, "changed")
    with pytest.raises(InvalidArgument):
        verify_chain(records[2:], after=after, anchor=Head(1, records[0]["hash"]))


@pytest.mark.parametrize("text", ["", "12", "x:ab", "-1:ab", "²:ab"])
def test_malformed_anchor(text: str) -> None:
    """What is no anchor is refused as such."""
    with pytest.raises(InvalidArgument, match="anchor"):
        Head.parse(text)
