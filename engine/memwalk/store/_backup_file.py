# SPDX-License-Identifier: Apache-2.0
"""The file of a backup: a zip whose last member, `memwalk-backup.json`, says what it is and has each one's sha256.

====================  ==============================================================
``neo4j.dump``        the graph, as neo4j-admin dumps it
``payloads/…``        the payload store, as it lies in its folder, if it is a folder
``audit/…``           the read log
====================  ==============================================================

Members are stored as they are: a dump is compressed already, tensors gain little.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import struct
import zipfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from memwalk.errors import (
    AlreadyExists,
    ArchiveCorrupt,
    ArchiveMismatch,
    InvalidArgument,
    SourceNotFound,
    SourceNotReadable,
    StorageFull,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memwalk.progress import Progress

__all__ = ["FORMAT", "GRAPH", "BackupHeader", "BackupReader", "BackupWriter", "open_backup", "writing_backup"]

FORMAT = 1
GRAPH = "neo4j.dump"
_HEADER = "memwalk-backup.json"
_CHUNK = 1 << 20
_DAMAGE = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error)
"""What `zipfile` raises on a damaged file."""


@dataclass(frozen=True, slots=True)
class BackupHeader:
    """What a backup is of, and what is in it."""

    memwalk: str
    """Version of memwalk that wrote it."""
    neo4j: str
    """Version of the server whose graph it is; that one or a later one can load it."""
    schema: int
    """The latest migration in the graph."""
    store: str
    """The store's uuid."""
    change: int
    """The latest number of the change sequence."""
    at: int
    """When it was written (ms since the epoch)."""
    payloads_url: str
    """Where the payloads stay, if they are not in the file; else empty."""
    damaged: tuple[str, ...]
    """Payloads (sha256) whose bytes were wrong, so that they were left out."""
    members: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    """`sha256` and `bytes` of each member by name."""

    @property
    def payloads(self) -> int:
        """How many payloads are in it."""
        return sum(name.startswith("payloads/") for name in self.members)

    @property
    def bytes(self) -> int:
        """Of all that is in it."""
        return sum(int(member["bytes"]) for member in self.members.values())


class BackupWriter:
    """Writes members, and the header last. Made by `writing_backup`."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.members: dict[str, dict[str, Any]] = {}

    def add(self, name: str, pieces: Iterable[bytes]) -> None:
        """Write a member."""
        digest, size = hashlib.sha256(), 0
        with self._archive.open(name, "w", force_zip64=True) as member:
            for piece in pieces:
                digest.update(piece)
                size += len(piece)
                member.write(piece)
        self.members[name] = {"sha256": digest.hexdigest(), "bytes": size}

    def finish(self, header: BackupHeader) -> None:
        """Write the header, which has the members."""
        text = json.dumps({"format": FORMAT, **asdict(header)}, indent=1)
        self._archive.writestr(_HEADER, text)


@contextmanager
def writing_backup(path: Path, *, overwrite: bool) -> Iterator[BackupWriter]:
    """Write a backup beside its place, and put it there when it is whole and durable; else nothing is left.

    Raises
    ------
    AlreadyExists
        There is such a file, and it is not to be overwritten.
    StorageFull, InvalidArgument
    """
    _check_target(path, overwrite=overwrite)
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with _target_errors(path):
            with scratch.open("xb") as file:
                scratch.chmod(0o600)
                with zipfile.ZipFile(file, "w") as archive:
                    yield BackupWriter(archive)
                file.flush()
                os.fsync(file.fileno())
            _check_target(path, overwrite=overwrite)  # somebody else may have been quicker
            scratch.replace(path)
            _sync(path.parent)
    finally:
        scratch.unlink(missing_ok=True)


class BackupReader:
    """A backup that was found whole. Made by `open_backup`."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, header: BackupHeader) -> None:
        self.path = path
        self.header = header
        self._archive = archive

    def names(self, folder: str) -> list[str]:
        """The members of a folder."""
        return [name for name in self.header.members if name.startswith(f"{folder}/")]

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """A member as a stream.

        Raises
        ------
        ArchiveCorrupt
            It is not the one that was verified.
        """
        try:
            with self._archive.open(name) as member:
                yield member
        except _DAMAGE as error:
            raise ArchiveCorrupt(self.path, f"{name}: {error}") from error

    def pieces(self, name: str) -> Iterator[bytes]:
        """A member in pieces; its sum is compared at the end.

        Raises
        ------
        ArchiveCorrupt
        """
        digest, size = hashlib.sha256(), 0
        with self.open(name) as member:
            while piece := member.read(_CHUNK):
                digest.update(piece)
                size += len(piece)
                yield piece
        expected = self.header.members[name]
        if (digest.hexdigest(), size) != (expected["sha256"], expected["bytes"]):
            raise ArchiveCorrupt(self.path, f"{name} has another sha256 than when it was written")

    def verify(self, progress: Progress | None) -> None:
        """Read all of it and compare.

        Raises
        ------
        ArchiveCorrupt
        """
        done = 0
        for name in self.header.members:
            for piece in self.pieces(name):
                done += len(piece)
                if progress:
                    progress(f"checking {self.path.name}", done, self.header.bytes)


@contextmanager
def open_backup(path: Path, progress: Progress | None = None) -> Iterator[BackupReader]:
    """Open a backup after verifying all of it.

    Raises
    ------
    SourceNotFound
    ArchiveCorrupt
        It is truncated, was changed, or is no backup.
    ArchiveMismatch
        A later memwalk wrote it, in another format.
    """
    try:
        file = path.open("rb")
    except (FileNotFoundError, IsADirectoryError):
        raise SourceNotFound(path) from None
    except OSError as error:
        raise SourceNotReadable(path, error.strerror or "") from error
    with file:
        try:
            archive = zipfile.ZipFile(file)
            text = archive.read(_HEADER)
        except KeyError:
            raise ArchiveCorrupt(path, f"there is no {_HEADER} in it; is it a backup by `memwalk db dump`?") from None
        except _DAMAGE as error:
            raise ArchiveCorrupt(path, f"{error}; is it a backup by `memwalk db dump`?") from error
        with archive:
            reader = BackupReader(path, archive, _header(path, text))
            if sorted(archive.namelist()) != sorted([_HEADER, *reader.header.members]):
                raise ArchiveCorrupt(path, "it does not hold what its header lists")
            reader.verify(progress)
            yield reader


def _header(path: Path, text: bytes) -> BackupHeader:
    try:
        values = json.loads(text)
        if values.pop("format") != FORMAT:
            raise ArchiveMismatch(path, "its format is that of a later memwalk: update memwalk, then load it")
        values["damaged"] = tuple(values["damaged"])
        header = BackupHeader(**values)
        good = all(_is_plain(name) and {"sha256", "bytes"} <= member.keys() for name, member in header.members.items())
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ArchiveCorrupt(path, f"its header cannot be read ({error})") from error
    if not good or GRAPH not in header.members:
        raise ArchiveCorrupt(path, "its header lists what no backup holds")
    return header


def _is_plain(name: str) -> bool:
    """Whether a member lies where members lie, and nowhere else on the disk."""
    parts = PurePosixPath(name).parts
    return name == GRAPH or (len(parts) > 1 and parts[0] in {"payloads", "audit"} and ".." not in parts)


def _check_target(path: Path, *, overwrite: bool) -> None:
    if not path.parent.is_dir():
        raise InvalidArgument("file", str(path), "a file in a folder that exists")
    if path.is_dir():
        raise InvalidArgument("file", str(path), "a file, not a folder")
    if path.exists() and not overwrite:
        raise AlreadyExists("file", str(path))


@contextmanager
def _target_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(path, "no backup was written") from error
        raise InvalidArgument("file", str(path), f"a file that can be written ({error.strerror})") from error


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
