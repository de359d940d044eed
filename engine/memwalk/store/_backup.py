# SPDX-License-Identifier: Apache-2.0
"""Backup of a local store into one file, and back, while everybody else waits."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import IO, TYPE_CHECKING, Any, Protocol

from memwalk._version import __version__
from memwalk.config import StoreSettings
from memwalk.errors import AlreadyExists, ArchiveCorrupt, ArchiveMismatch, NotFound, PayloadCorrupt, PayloadMissing
from memwalk.store._backup_file import GRAPH, BackupHeader, BackupReader, BackupWriter, open_backup, writing_backup
from memwalk.store._client import Store
from memwalk.store._migrations import list_migrations, migrate
from memwalk.store.server import maintenance
from memwalk.store.server._admin import read_from_admin, write_to_admin
from memwalk.store.server._jars import version_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from memwalk.progress import Progress
    from memwalk.store.server import LocalServer, ServerAddress

__all__ = ["PayloadPlace", "dump", "load", "store_at"]

_CHUNK = 1 << 20


class _Payload(Protocol):
    @property
    def sha256(self) -> str:
        """Of its bytes."""

    @property
    def size(self) -> int:
        """Bytes."""


class PayloadPlace(Protocol):
    """The payload store, as far as a backup needs it."""

    def list(self) -> Iterable[_Payload]:
        """Every payload."""

    def open(self, sha256: str) -> IO[bytes]:
        """A payload, verified as it is read."""

    def put(self, data: IO[bytes]) -> str:
        """Store a payload durably."""


def dump(
    server: LocalServer,
    file: Path,
    *,
    payloads: PayloadPlace | None,
    payloads_url: str = "",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> BackupHeader:
    """Write a store into one file: its graph, its payloads, its log of reads; not its password.

    The server stops meanwhile and others wait; it runs again afterwards if it did before.

    Parameters
    ----------
    server : LocalServer
    file : Path
        There whole or not at all.
    payloads : PayloadPlace or None
        None: they stay where they are, at `payloads_url`.
    payloads_url : str
    overwrite : bool
    progress : Progress, optional

    Raises
    ------
    NotFound
        There is no store.
    AlreadyExists, InvalidArgument, StorageFull, ServerFailed
    """
    if not server.files.home.is_dir():
        raise NotFound("store", str(server.directory))
    with (
        writing_backup(file, overwrite=overwrite) as writer,
        maintenance(server, f"a backup into {file.name}", progress) as work,
    ):
        facts = _facts(work.start())
        work.stop()
        _add_graph(server, writer, progress)
        damaged = _add_payloads(writer, payloads, progress) if payloads else ()
        for path, pieces in _log_of_reads(server.directory / "audit"):
            writer.add(f"audit/{path}", pieces)
        header = BackupHeader(
            memwalk=__version__,
            neo4j=server.settings.version,
            at=time.time_ns() // 1_000_000,
            payloads_url="" if payloads else payloads_url,
            damaged=damaged,
            members=writer.members,
            **facts,
        )
        writer.finish(header)
    return header


def load(
    file: Path,
    server: LocalServer,
    *,
    payloads: Callable[[Path], PayloadPlace],
    replace: bool = False,
    progress: Progress | None = None,
) -> BackupHeader:
    """Make a data directory's store the one of a backup. A kill at any moment leaves the old one or the new, whole.

    All of the file is verified before anything is touched. An older Neo4j's graph is migrated.

    Parameters
    ----------
    file : Path
    server : LocalServer
    payloads : callable
        Where payloads go, given the data directory in which the new store is made ready.
    replace : bool
        A store that is there is gone afterwards, its log of reads included.
    progress : Progress, optional

    Raises
    ------
    SourceNotFound, ArchiveCorrupt, ArchiveMismatch
    AlreadyExists
        The directory holds a store, and it is not to be replaced.
    StorageFull, ServerFailed
    """
    with open_backup(file, progress) as backup:
        _check_versions(backup, server)
        _check_room(server, replace=replace)
        with maintenance(server, f"the loading of {file.name}", progress) as work:
            _check_room(server, replace=replace)
            with work.staged() as staged:
                _load_graph(backup, staged, progress)
                _load_payloads(backup, payloads(staged.directory), progress)
                _load_log_of_reads(backup, staged.directory / "audit")
                _try(backup, staged, progress)
                work.adopt(staged)
        return backup.header


@contextlib.contextmanager
def store_at(address: ServerAddress) -> Iterator[Store]:
    """A store on a server that maintenance has started for itself: no gate."""
    settings = StoreSettings(address.uri, address.username, address.password, address.database)
    with Store.connect(settings) as store:
        yield store


# --- writing -------------------------------------------------------------------------------------


def _facts(address: ServerAddress) -> dict[str, Any]:
    with store_at(address) as store:
        state = store.read("store/get_store")[0]
        if state["uuid"] is None:
            raise NotFound("store", address.uri)
        return {
            "store": state["uuid"],
            "schema": max((migration["version"] for migration in state["migrations"]), default=0),
            "change": store.watermark(),
        }


def _add_graph(server: LocalServer, writer: BackupWriter, progress: Progress | None) -> None:
    arguments = ("database", "dump", "neo4j", "--to-stdout")
    with read_from_admin(server.files, server.class_archive(), "dump the graph", *arguments) as stream:
        writer.add(GRAPH, _counted(_pieces(stream), "writing the graph", None, progress))


def _add_payloads(writer: BackupWriter, payloads: PayloadPlace, progress: Progress | None) -> tuple[str, ...]:
    """Write the payloads; those whose bytes are wrong are left out and named."""
    found = sorted((payload.sha256, payload.size) for payload in payloads.list())
    total, done = sum(size for _, size in found), 0
    damaged = []
    for sha256, size in found:
        if _is_sound(payloads, sha256):
            with payloads.open(sha256) as stream:
                writer.add(f"payloads/{sha256[:2]}/{sha256}.safetensors", _pieces(stream))
        else:
            damaged.append(sha256)
        done += size
        if progress:
            progress("writing the payloads", done, total)
    return tuple(damaged)


def _is_sound(payloads: PayloadPlace, sha256: str) -> bool:
    try:
        with payloads.open(sha256) as stream:
            for _ in _pieces(stream):
                pass
    except (PayloadCorrupt, PayloadMissing):
        return False
    return True


def _log_of_reads(folder: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The files of the log, of one moment: readers elsewhere append under its lock."""
    if not folder.is_dir():
        return
    with (folder / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.suffix != ".tmp" and path.name != "lock":
                with path.open("rb") as stream:
                    yield path.name, _pieces(stream)


# --- reading -------------------------------------------------------------------------------------


def _check_versions(backup: BackupReader, server: LocalServer) -> None:
    header = backup.header
    known = max(migration.version for migration in list_migrations())
    try:
        newer = version_key(header.neo4j) > version_key(server.settings.version)
    except ValueError:
        raise ArchiveCorrupt(backup.path, f"its header names a Neo4j {header.neo4j!r}") from None
    if newer:
        raise ArchiveMismatch(
            backup.path,
            f"it is of Neo4j {header.neo4j}, and this one is {server.settings.version}, which reads no newer graph; "
            f"load it with MEMWALK_NEO4J_VERSION={header.neo4j}, or make an export of the store it is of",
        )
    if header.schema > known:
        raise ArchiveMismatch(
            backup.path, f"its graph has migration V{header.schema:03}, this memwalk knows up to V{known:03}: update it"
        )


def _check_room(server: LocalServer, *, replace: bool) -> None:
    directory = server.directory
    held = server.files.password, server.files.data / "databases", directory / "payloads", directory / "audit"
    if not replace and any(path.exists() for path in held):
        raise AlreadyExists("store", str(directory))


def _load_graph(backup: BackupReader, staged: LocalServer, progress: Progress | None) -> None:
    archive = staged.prepare(progress)
    arguments = ("database", "load", "neo4j", "--from-stdin", "--overwrite-destination=true")
    total = int(backup.header.members[GRAPH]["bytes"])
    with write_to_admin(staged.files, archive, "load the graph", *arguments) as stream:
        for piece in _counted(backup.pieces(GRAPH), "loading the graph", total, progress):
            stream.write(piece)


def _load_payloads(backup: BackupReader, place: PayloadPlace, progress: Progress | None) -> None:
    names = backup.names("payloads")
    for done, name in enumerate(names):
        with backup.open(name) as stream:
            place.put(stream)
        if progress:
            progress("loading the payloads", done + 1, len(names))


def _load_log_of_reads(backup: BackupReader, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    for name in backup.names("audit"):
        path = folder / name.removeprefix("audit/")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(backup.pieces(name))


def _try(backup: BackupReader, staged: LocalServer, progress: Progress | None) -> None:
    """Start the new store's server: it migrates, and it is the store of the header."""
    with staged.join(progress) as lease, store_at(lease.endpoint) as store:
        uuid = store.read("store/get_store")[0]["uuid"]
        if uuid != backup.header.store:
            raise ArchiveCorrupt(backup.path, f"its graph is that of store {uuid}, its header says another")
        migrate(store)


# --- inside --------------------------------------------------------------------------------------


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(_CHUNK):
        yield piece


def _counted(pieces: Iterable[bytes], stage: str, total: int | None, progress: Progress | None) -> Iterator[bytes]:
    done = 0
    for piece in pieces:
        yield piece
        done += len(piece)
        if progress:
            progress(stage, done, total)
