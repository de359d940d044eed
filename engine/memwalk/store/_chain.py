# SPDX-License-Identifier: Apache-2.0
"""The hash chain of both audit logs: each record's hash covers the record and the hash before it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memwalk.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["START", "ChainReport", "Fault", "Head", "chain_hash", "verify_chain"]


def chain_hash(previous: str, record: Mapping[str, object]) -> str:
    """SHA-256 (hex) over the canonical JSON of `[previous, record]`.

    Canonical: keys sorted, no blanks, UTF-8, no NaN or infinity; so a list and a tuple are the same, and the same
    fields give the same hash in any order and on any machine.

    Parameters
    ----------
    previous : str
        The hash of the record before; "" for the first.
    record : mapping of str to JSON value
        The record without its hash.
    """
    text = json.dumps([previous, record], sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # A file name may hold lone surrogates; they have no UTF-8, and an audit record must not fail on them.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """A place in a chain: the number of a record and its hash. Written `seq:hash`."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """Read what `str` wrote.

        Raises
        ------
        InvalidArgument
        """
        seq, colon, digest = text.partition(":")
        if not (colon and seq.isascii() and seq.isdigit()):
            raise InvalidArgument("anchor", text, "a record's number, a colon, and its hash")
        return cls(int(seq), digest)


START = Head(0, "")
"""Before the first record."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The first place where a chain is not what was written."""

    seq: int
    """Number of the record that is wrong or not there."""
    kind: str
    """`changed`, `missing`, `reordered`, `repeated`, or `anchor`: whole, but not the chain that the anchor is of."""
    detail: str


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What reading a chain from its start found."""

    head: Head
    """The last record up to which the chain holds; kept elsewhere, it is an anchor for the next time."""
    fault: Fault | None
    """None: every record is there, in order, as it was written."""
    notes: tuple[str, ...] = ()
    """What is odd and yet no sign of tampering."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.fault is None


def verify_chain(
    records: Iterable[Mapping[str, object]],
    *,
    after: Head = START,
    end: Head | None = None,
    anchor: Head | None = None,
) -> ChainReport:
    """Recompute a chain in one pass, in constant memory, and tell the first fault.

    A chain alone cannot show that its last records were cut off, nor that all of it was written anew; `end` shows the
    first, `anchor` the second.

    Parameters
    ----------
    records : iterable of mapping
        In order, each with `seq` (from `after.seq` + 1, without gap) and `hash`; `seq` and all other fields are hashed.
    after : Head
        What came before the first of them.
    end : Head, optional
        What the last of them must be.
    anchor : Head, optional
        A record that is known from elsewhere to have been so.

    Raises
    ------
    InvalidArgument
        The anchor lies before the first record: nothing can be said about it.
    """
    if anchor is not None and anchor.seq <= after.seq and anchor != after:
        raise InvalidArgument("anchor", str(anchor), f"a record after number {after.seq}, where this chain begins")
    remaining = iter(records)
    head = after
    for record in remaining:
        fault = _fault(head, record, remaining)
        if fault is None and anchor is not None and record["seq"] == anchor.seq and record["hash"] != anchor.hash:
            fault = Fault(anchor.seq, "anchor", "the chain was written anew: this is not the hash that was kept")
        if fault is not None:
            return ChainReport(head, fault)
        head = Head(head.seq + 1, str(record["hash"]))
    return ChainReport(head, _end_fault(head, end, anchor))


def _fault(head: Head, record: Mapping[str, object], remaining: Iterator[Mapping[str, object]]) -> Fault | None:
    expected = head.seq + 1
    seq = record.get("seq")
    if type(seq) is not int:
        return Fault(expected, "changed", f"its number is {seq!r}")
    if seq < expected:
        return Fault(seq, "repeated", f"its number comes again where {expected} belongs")
    if seq > expected:
        later = any(record.get("seq") == expected for record in remaining)
        kind, detail = ("reordered", "it comes after") if later else ("missing", "the next one there is")
        return Fault(expected, kind, f"{detail} number {seq}")
    fields = {name: value for name, value in record.items() if name != "hash"}
    try:
        holds = record.get("hash") == chain_hash(head.hash, fields)
    except (TypeError, ValueError):  # a value that JSON does not have was never written
        holds = False
    return None if holds else Fault(seq, "changed", "its hash is not that of what it says and of the record before")


def _end_fault(head: Head, end: Head | None, anchor: Head | None) -> Fault | None:
    for known in (end, anchor):
        if known is not None and known.seq > head.seq:
            return Fault(head.seq + 1, "missing", f"the end is cut off: number {known.seq} was written")
    if end is not None and end != head:
        at = end.seq if end.seq == head.seq else end.seq + 1
        return Fault(at, "changed", f"the last record written is number {end.seq}, with another hash or without it")
    return None
