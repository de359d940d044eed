# SPDX-License-Identifier: Apache-2.0
"""The lines of the log of reads: found, parsed, verified."""

from __future__ import annotations

import itertools
import json
import os
from typing import IO, TYPE_CHECKING, Any

from memwalk.errors import InvalidArgument
from memwalk.store._chain import START, ChainReport, Fault, Head, verify_chain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["HEALED", "RESUMED", "Record", "parsed", "tail", "up_to", "verify_log", "whole"]

Record = dict[str, Any]

RESUMED = "log.resumed"
"""Action of the log's own record that begins a chain anew where the one before is not what it was."""

HEALED = "log.healed"
"""Action of the log's own record that tells of a torn line cut off."""

_NO_RECORD: Record = {"seq": None, "action": "", "hash": ""}
_TAIL = 4_096


def verify_log(records: Iterable[Record], kept: Head | None, anchor: Head | None, torn: int) -> ChainReport:
    """Verify the records of a log.

    Parameters
    ----------
    records : iterable of Record
    kept : Head or None
        What the head file holds.
    anchor : Head or None
    torn : int
        Bytes of a torn line at the end.
    """
    notes: list[str] = []
    known = {head.seq: "" for head in (kept, anchor) if head is not None and head.seq}

    def watched() -> Iterator[tuple[int, Record]]:
        """Each record with the number of the chain it belongs to."""
        chain = 0
        for record in records:
            if record["action"] == RESUMED:
                chain += 1
            elif record["action"] == HEALED:
                notes.append(f"before record {record['seq']} a torn line was cut off ({record['target']})")
            if record["seq"] in known:
                known[record["seq"]] = record["hash"]
            yield chain, record

    head, fault = START, None
    for _, numbered in itertools.groupby(watched(), key=_chain_of):
        chain = (record for _, record in numbered)
        first = next(chain)
        after = head
        if first["action"] == RESUMED:
            fault = fault or Fault(
                head.seq + 1, "missing", f"the end was cut off, or `head` gone: {first['seq']} says so"
            )
            after = _resumed_after(first, head)
        report = verify_chain(itertools.chain([first], chain), after=after)
        head, fault = report.head, fault or report.fault
    if torn:
        notes.append(f"a torn line of {torn} bytes at the end: a writer was killed, and its read not done")
    fault = fault or _end_fault(head, kept, known) or _anchor_fault(anchor, known)
    if fault is None and kept is not None and kept.seq < head.seq:
        notes.append(f"record {head.seq} is not in `head` yet: a writer was killed")
    return ChainReport(head, fault, tuple(notes))


def _chain_of(numbered: tuple[int, Record]) -> int:
    return numbered[0]


def _resumed_after(record: Record, head: Head) -> Head:
    try:
        return Head.parse(str(record["target"]))
    except InvalidArgument:
        return head


def _end_fault(head: Head, kept: Head | None, known: dict[int, str]) -> Fault | None:
    if kept is None:
        return Fault(head.seq + 1, "missing", "`head` is gone: a cut end could not be seen") if head != START else None
    if kept.seq > head.seq:
        return Fault(head.seq + 1, "missing", f"the end is cut off: number {kept.seq} was written")
    if kept.seq and known[kept.seq] != kept.hash:
        return Fault(kept.seq, "changed", "`head` holds another hash")
    return None


def _anchor_fault(anchor: Head | None, known: dict[int, str]) -> Fault | None:
    if anchor is None or anchor == START or known.get(anchor.seq) == anchor.hash:
        return None
    if not known.get(anchor.seq):
        return Fault(anchor.seq, "missing", "the anchor's record is not there")
    return Fault(anchor.seq, "anchor", "the log was written anew: this is not the hash that was kept")


def parsed(line: bytes) -> Record:
    """A line's record; one without number where the line holds none."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return _NO_RECORD
    if not isinstance(record, dict) or type(record.get("seq")) is not int:
        return _NO_RECORD
    return record if isinstance(record.get("hash"), str) and isinstance(record.get("action"), str) else _NO_RECORD


def tail(file: int) -> tuple[Head | None, int]:
    """The last record of a file, and the number of bytes of a torn line after it.

    None: there is no whole line. Number -1: the last one holds no record.
    """
    size = os.fstat(file).st_size
    window = _TAIL
    while True:
        start = max(0, size - window)
        data = os.pread(file, size - start, start)
        end = data.rfind(b"\n")
        before = data.rfind(b"\n", 0, max(0, end))
        if start == 0 or before >= 0:
            break
        window *= 4
    if end < 0:
        return None, size
    record = parsed(data[before + 1 : end])
    return Head(-1 if record is _NO_RECORD else record["seq"], record["hash"]), len(data) - end - 1


def up_to(file: IO[bytes], size: int) -> Iterator[bytes]:
    """The lines in the first bytes of a file."""
    with file:
        while size > 0:
            line = file.readline()
            size -= len(line)
            if not line:
                return
            yield line


def whole(path: Path) -> Iterator[bytes]:
    """The lines of a file."""
    with path.open("rb") as file:
        yield from file
