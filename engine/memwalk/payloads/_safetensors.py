# SPDX-License-Identifier: Apache-2.0
"""Whether bytes that come in pieces are a well-formed safetensors file; needs no tensor library."""

from __future__ import annotations

import json
import math
from typing import Any

from memwalk.errors import PayloadMalformed

__all__ = ["SafetensorsCheck"]

_LONGEST_HEADER = 100_000_000
"""Bytes; safetensors itself reads no longer one."""

_BITS = {
    "BOOL": 8,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "C64": 64,
    "F64": 64,
    "I64": 64,
    "U64": 64,
}


class SafetensorsCheck:
    """Fed a file's bytes in order, in pieces of any size; keeps its header alone.

    A file is 8 bytes of header length (little-endian), a JSON header, and the tensors' bytes without a gap.
    """

    def __init__(self) -> None:
        self._head = bytearray()
        self._total = 0

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes.

        Raises
        ------
        PayloadMalformed
            As soon as the header's length cannot be one.
        """
        self._total += len(data)
        wanted = self._wanted() - len(self._head)
        while wanted > 0 and len(data) > 0:
            self._head += data[:wanted]
            data = data[wanted:]
            wanted = self._wanted() - len(self._head)

    def finish(self) -> None:
        """Check the header, and that the tensors it describes are all that follows.

        Raises
        ------
        PayloadMalformed
        """
        if len(self._head) < 8 or len(self._head) < self._wanted():
            raise _malformed(f"cut off after {self._total} bytes")
        end = _end_of(_parse(bytes(self._head[8:])))
        there = self._total - len(self._head)
        if there != end:
            raise _malformed(f"its header describes {end} bytes of tensors, {there} are there")

    def _wanted(self) -> int:
        """Bytes of the head, as far as is known by now."""
        if len(self._head) < 8:
            return 8
        length = int.from_bytes(self._head[:8], "little")
        if length > _LONGEST_HEADER:
            raise _malformed(f"a header of {length} bytes")
        return 8 + length


def _malformed(detail: str) -> PayloadMalformed:
    return PayloadMalformed("safetensors", detail)


def _parse(text: bytes) -> dict[str, Any]:
    if not text.startswith(b"{"):
        raise _malformed("its header is no JSON object")
    try:
        header: dict[str, Any] = json.loads(text.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _malformed(f"its header is no JSON object ({error})") from None
    return header


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key twice")
    return found


def _end_of(header: dict[str, Any]) -> int:
    """Where the last tensor ends, after a look at each."""
    metadata = header.pop("__metadata__", {})
    if not (isinstance(metadata, dict) and all(isinstance(value, str) for value in metadata.values())):
        raise _malformed("its metadata are not texts by name")
    places = []
    for name, tensor in header.items():
        if not (isinstance(tensor, dict) and tensor.keys() == {"dtype", "shape", "data_offsets"}):
            raise _malformed(f"tensor {name!r} lacks dtype, shape or offsets, or has more")
        bits, shape, offsets = _BITS.get(str(tensor["dtype"])), tensor["shape"], tensor["data_offsets"]
        if bits is None or not _naturals(shape) or not _naturals(offsets) or len(offsets) != 2:
            raise _malformed(f"dtype, shape or offsets of tensor {name!r} are none")
        if (offsets[1] - offsets[0]) * 8 != math.prod(shape) * bits:
            raise _malformed(f"the offsets of tensor {name!r} are not those of its shape")
        places.append((offsets[0], offsets[1]))
    end = 0
    for start, stop in sorted(places):
        if start != end:
            raise _malformed("its tensors overlap, or leave a gap")
        end = stop
    return end


def _naturals(value: object) -> bool:
    return isinstance(value, list) and all(type(number) is int and number >= 0 for number in value)
