# SPDX-License-Identifier: Apache-2.0
"""Reading an export file, member by member; nothing it says is taken on trust."""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from memwalk.errors import ArchiveCorrupt, ArchiveMismatch, SourceNotFound, SourceNotReadable
from memwalk.units.exchange._export import LARGE, RATIO
from memwalk.units.exchange._format import (
    FORMAT,
    HEADER,
    MEMBERS,
    PAYLOADS,
    VECTORS,
    check_row,
    dump_row,
    key_of,
    payload_member,
    render_header,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Archive"]

_PAYLOAD = re.compile(re.escape(PAYLOADS) + r"([0-9a-f]{64})\.safetensors")
_LONGEST_LINE = 64 << 20
_LONGEST_HEADER = 64 << 20
_ENCRYPTED = 0x1
_PIECE = 1 << 20
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, UnicodeError, ValueError)
_HEADER_TYPES: dict[str, tuple[type, ...]] = {
    "format": (int,),
    "memwalk": (str,),
    "neo4j": (str,),
    "store": (str,),
    "embedder": (str, type(None)),
    "created_at": (int,),
    "members": (dict,),
    "seal": (str,),
}
Row = dict[str, Any]


class Archive:
    """An export file, open.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    SourceNotFound, SourceNotReadable
    ArchiveCorrupt
        It is no export file, or its header is not as it was written.
    ArchiveMismatch
        It has a newer format.

    Attributes
    ----------
    header : dict
    seal : str
        Sha256 that names all of its content.
    payloads : tuple of str
        Sha256 of each payload, sorted.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        try:
            self._file = self.path.open("rb")
        except FileNotFoundError:
            raise SourceNotFound(self.path) from None
        except OSError as error:
            raise SourceNotReadable(self.path, error.strerror or "") from None
        try:
            with self._reading(""):
                self._zip = zipfile.ZipFile(self._file)
            self._infos = self._listed()
            self.header = self._read_header()
            self._check_members()
        except BaseException:
            self._file.close()
            raise
        self.seal: str = self.header["seal"]
        self.payloads = tuple(sorted(found[1] for found in map(_PAYLOAD.fullmatch, self._infos) if found))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def corrupt(self, member: str, detail: str, line: int = 0) -> ArchiveCorrupt:
        """The error that says what is wrong, and where."""
        where = f"{member} line {line}: " if line else f"{member}: " if member else ""
        return ArchiveCorrupt(self.path, where + detail)

    def count(self, member: str) -> int:
        """How many rows the header says a member has."""
        entry = self.header["members"].get(member)
        return int(entry["rows"]) if entry else 0

    def size(self, member: str) -> int:
        """Bytes of a member."""
        return int(self.header["members"][member]["bytes"])

    def rows(self, member: str) -> Iterator[Row]:
        """The rows of a member: of the right fields and types, in order, as many as were written.

        Raises
        ------
        ArchiveCorrupt
        """
        before: tuple[tuple[bool, Any], ...] = ()
        number = 0
        with self._verified(member) as stream:
            while line := stream.readline(_LONGEST_LINE):
                number += 1
                row = self._parse(member, number, line)
                key = key_of(member, row)
                if number > 1 and key <= before:
                    raise self.corrupt(member, "not behind the row before it", number)
                before = key
                yield row
        if number != self.count(member):
            raise self.corrupt(member, f"{number} rows, its header says {self.count(member)}")

    def pieces(self, member: str) -> Iterator[bytes]:
        """The bytes of a member, in pieces.

        Raises
        ------
        ArchiveCorrupt
        """
        with self._verified(member) as stream:
            while piece := stream.read(_PIECE):
                yield piece

    def payload(self, sha256: str) -> Iterator[bytes]:
        """The bytes of a payload, in pieces."""
        return self.pieces(payload_member(sha256))

    def vectors(self, dimension: int) -> Iterator[NDArray[np.float32]]:
        """The vectors, in the order of the units that have one."""
        import numpy as np

        with self._verified(VECTORS) as stream:
            stream.read(int.from_bytes(stream.read(8), "little"))
            while data := stream.read(4 * dimension):
                yield np.frombuffer(data, dtype="<f4")

    # --- inside ------------------------------------------------------------------------------------

    def _listed(self) -> dict[str, zipfile.ZipInfo]:
        infos = self._zip.infolist()
        found = {info.filename: info for info in infos}
        if HEADER not in found:
            raise self.corrupt("", f"no {HEADER} in it: this is no export of memwalk")
        if len(found) < len(infos):
            raise self.corrupt("", "a member is there twice")
        return found

    def _read_header(self) -> Row:
        info = self._infos[HEADER]
        if info.file_size > _LONGEST_HEADER:
            raise self.corrupt(HEADER, f"{info.file_size} bytes")
        with self._reading(HEADER):
            data = self._zip.read(HEADER)
            header = json.loads(data)
        number = header.get("format") if isinstance(header, dict) else None
        if type(number) is int and number != FORMAT:
            detail = f"format {number}; this memwalk reads {FORMAT}: import it with one as new as the one that wrote it"
            raise ArchiveMismatch(self.path, detail)
        if (
            not isinstance(header, dict)
            or header.keys() != _HEADER_TYPES.keys()
            or not all(isinstance(header[name], types) for name, types in _HEADER_TYPES.items())
            or type(number) is not int
        ):
            raise self.corrupt(HEADER, "not the fields it must have")
        with self._reading(HEADER):
            if render_header({name: value for name, value in header.items() if name != "seal"}) != data:
                raise self.corrupt(HEADER, "its seal is not that of what it says")
        return header

    def _check_members(self) -> None:
        listed = self.header["members"]
        for name in sorted(listed.keys() ^ (self._infos.keys() - {HEADER})):
            there = "is missing" if name in listed else "is none that the header names"
            raise self.corrupt("", f"member {name!r} {there}")
        for name in MEMBERS:
            if name not in listed:
                raise self.corrupt("", f"member {name!r} is missing")
        for name, entry in listed.items():
            payload = _PAYLOAD.fullmatch(name)
            if name not in MEMBERS and name != VECTORS and not payload:
                raise self.corrupt("", f"member {name!r} is none of an export")
            wanted = {"sha256": str, "bytes": int} | ({} if payload else {"rows": int})
            if not isinstance(entry, dict) or {key: type(value) for key, value in entry.items()} != wanted:
                raise self.corrupt(HEADER, f"the entry of {name} is not as it must be")
            self._check_info(self._infos[name], entry, packed=name in MEMBERS)
            if payload and payload[1] != entry["sha256"]:
                raise self.corrupt(HEADER, f"{name} is named by another sha256 than {entry['sha256']}")

    def _check_info(self, info: zipfile.ZipInfo, entry: Row, *, packed: bool) -> None:
        allowed = {zipfile.ZIP_STORED} | ({zipfile.ZIP_DEFLATED} if packed else set())
        if info.compress_type not in allowed or info.flag_bits & _ENCRYPTED:
            raise self.corrupt(info.filename, "packed or encrypted in a way that an export never is")
        if info.file_size != entry["bytes"]:
            raise self.corrupt(info.filename, f"{info.file_size} bytes, its header says {entry['bytes']}")
        if info.file_size > LARGE and info.file_size > RATIO * info.compress_size:
            raise self.corrupt(info.filename, f"{info.compress_size} bytes say they are {info.file_size}")

    @contextmanager
    def _verified(self, member: str) -> Iterator[IO[bytes]]:
        """A member as a stream; at its end, its hash is that of the header."""
        with self._reading(member), self._zip.open(self._infos[member]) as source:
            hashed = _Hashed(source)
            yield io.BufferedReader(hashed, _PIECE)
            if hashed.digest() != self.header["members"][member]["sha256"]:
                raise self.corrupt(member, "its sha256 is not the one in the header")

    @contextmanager
    def _reading(self, member: str) -> Iterator[None]:
        try:
            yield
        except _BROKEN as error:
            raise self.corrupt(member, f"it cannot be read ({error})") from error
        except RecursionError:
            raise self.corrupt(member, "it is nested too deep") from None

    def _parse(self, member: str, number: int, line: bytes) -> Row:
        row = json.loads(line)
        wrong = check_row(member, row)
        if wrong:
            raise self.corrupt(member, wrong, number)
        if dump_row(row) != line:
            raise self.corrupt(member, "not written as rows are", number)
        checked: Row = row
        return checked


class _Hashed(io.RawIOBase):
    """A stream whose bytes are hashed as they pass."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._hash = hashlib.sha256()

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer."""
        piece = self._source.read(len(buffer))
        self._hash.update(piece)
        buffer[: len(piece)] = piece
        return len(piece)

    def digest(self) -> str:
        """Sha256 of all, what nobody asked for included."""
        while piece := self._source.read(_PIECE):
            self._hash.update(piece)
        return self._hash.hexdigest()
