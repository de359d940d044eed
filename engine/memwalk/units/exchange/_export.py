# SPDX-License-Identifier: Apache-2.0
"""Writing an export file: what is read is of one moment, and the file is there whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from memwalk import policy
from memwalk._version import __version__
from memwalk.errors import AlreadyExists, InvalidArgument, StorageFull
from memwalk.units.exchange._format import (
    FORMAT,
    HEADER,
    MEMBERS,
    VECTORS,
    payload_member,
    render_header,
    seal_of,
)
from memwalk.units.exchange._select import select
from memwalk.units.exchange._stage import stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memwalk.payloads import PayloadStore
    from memwalk.progress import Progress
    from memwalk.store import Store
    from memwalk.units.exchange._select import Scope
    from memwalk.units.exchange._stage import Staged

__all__ = ["LARGE", "RATIO", "ExportReport", "export_archive"]

LARGE = 64 << 20
"""Bytes above which a member may not grow more than `RATIO` times when it is unpacked."""
RATIO = 200
_PIECE = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)
_FULL = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote."""

    path: str
    seal: str
    """Sha256 that names the content; the audit record of an import bears it."""
    counts: dict[str, int]
    """Rows by member, and the number of payloads."""
    bytes: int
    """Of the file."""


def export_archive(
    store: Store,
    payloads: PayloadStore,
    principal: str,
    path: str | Path,
    *,
    spaces: Sequence[str] | None = None,
    units: Sequence[str] | None = None,
    replace: bool = False,
    progress: Progress | None = None,
) -> ExportReport:
    """Write what a principal may read into one file.

    Parameters
    ----------
    store : Store
    payloads : PayloadStore
    principal : str
    path : str or Path
    spaces : sequence of str, optional
        Only the units of these spaces, with what they were made from.
    units : sequence of str, optional
        Ids: only these units and their parts, with what they were made from.
    replace : bool
        Write over a file that is there.
    progress : Progress, optional

    Raises
    ------
    UnknownPrincipal
    NotFound
        A space or unit is not there, or may not be read.
    AlreadyExists
        The file.
    InvalidArgument
        The file cannot be written.
    StorageFull, PayloadMissing, PayloadCorrupt
    """
    target = Path(path).expanduser()
    if target.exists() and not replace:
        raise AlreadyExists("file", str(target))
    with _errors_of(target), tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
        folder = Path(scratch)
        staged = _of_one_moment(store, principal, spaces, units, folder, progress)
        header: dict[str, Any] = {
            "format": FORMAT,
            "memwalk": __version__,
            "neo4j": store.read("exchange/get_server")[0]["version"],
            "store": staged.store,
            "embedder": staged.embedder,
            "created_at": policy.now(),
        }
        draft = folder / "draft"
        with draft.open("wb") as file:
            header = _write_zip(file, header, staged, payloads, progress)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
        counts = staged.counts | {"payloads": len(staged.payloads)}
        return ExportReport(str(target), seal_of(header), counts, target.stat().st_size)


def _of_one_moment(
    store: Store,
    principal: str,
    spaces: Sequence[str] | None,
    units: Sequence[str] | None,
    folder: Path,
    progress: Progress | None,
) -> Staged:
    """Read until no write came in between; the second time writers wait."""

    def read() -> Staged:
        scope: Scope = select(store, principal, spaces, units)
        return stage(store, scope, folder, progress)

    before = store.watermark()
    staged = read()
    if store.watermark() == before:
        return staged
    with store.paused():
        return read()


def _write_zip(
    file: IO[bytes], header: dict[str, Any], staged: Staged, payloads: PayloadStore, progress: Progress | None
) -> dict[str, Any]:
    members: dict[str, dict[str, Any]] = {}
    with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
        for member in MEMBERS:
            source = staged.folder / member
            packed = source.stat().st_size <= LARGE or _shrinks_little(source)
            with source.open("rb") as rows:
                members[member] = _copy(archive, member, _pieces(rows), packed=packed)
            members[member]["rows"] = staged.counts[member]
        if staged.counts[VECTORS]:
            with (staged.folder / VECTORS).open("rb") as numbers:
                members[VECTORS] = _copy(archive, VECTORS, _with_head(numbers, staged), packed=False)
            members[VECTORS]["rows"] = staged.counts[VECTORS]
        for done, sha256 in enumerate(sorted(staged.payloads), start=1):
            with payloads.open(sha256) as stream:
                name = payload_member(sha256)
                members[name] = _copy(archive, name, _pieces(stream), packed=False)
            if progress:
                progress("payloads", done, len(staged.payloads))
        header = {**header, "members": members}
        _copy(archive, HEADER, iter([render_header(header)]), packed=True)
    return header


def _copy(archive: zipfile.ZipFile, name: str, pieces: Iterator[bytes], *, packed: bool) -> dict[str, Any]:
    """Write a member, the same bytes for the same content whenever and wherever."""
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    info.create_system = 3
    info.external_attr = 0o644 << 16
    digest, size = hashlib.sha256(), 0
    with archive.open(info, "w", force_zip64=True) as member:
        for piece in pieces:
            digest.update(piece)
            size += len(piece)
            member.write(piece)
    return {"sha256": digest.hexdigest(), "bytes": size}


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.read(_PIECE), b"")


def _with_head(numbers: IO[bytes], staged: Staged) -> Iterator[bytes]:
    """The vectors as a safetensors file: one tensor, a row for each unit that has one, in the order of their ids."""
    shape = [staged.counts[VECTORS], staged.dimension]
    tensor = {"dtype": "F32", "shape": shape, "data_offsets": [0, 4 * shape[0] * shape[1]]}
    text = json.dumps({"vectors": tensor}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    yield from _pieces(numbers)


def _shrinks_little(path: Path) -> bool:
    """Whether a large member may be packed: a reader takes one that grows too much for a bomb."""
    packer, size = zlib.compressobj(), 0
    with path.open("rb") as file:
        for piece in _pieces(file):
            size += len(packer.compress(piece))
    return (size + len(packer.flush())) * RATIO // 2 > path.stat().st_size


@contextmanager
def _errors_of(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(target, "nothing was left there") from error
        raise InvalidArgument("path", str(target), f"a file that can be written ({error.strerror})") from error
