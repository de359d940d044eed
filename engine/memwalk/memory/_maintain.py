# SPDX-License-Identifier: Apache-2.0
"""Backup and check of a local store. They act on this machine's files, as starting and stopping it do: no principal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from memwalk.config import Settings
from memwalk.errors import InvalidArgument
from memwalk.memory._present_graph import delete_walk_files
from memwalk.payloads import PayloadStore

if TYPE_CHECKING:
    from memwalk.progress import Progress
    from memwalk.store import BackupHeader, CheckReport
    from memwalk.store.server import LocalServer

__all__ = ["check_store", "dump_store", "load_store"]


def dump_store(
    location: str | Path | None,
    file: str | Path,
    *,
    overwrite: bool = False,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> BackupHeader:
    """Write a local store into one file, while others wait.

    Payloads are in it if they lie in a folder; at a URL they stay, and the header says where. The password is not in
    it, but all that was ever remembered is: keep it as safe as the store.

    Parameters
    ----------
    location : str, Path or None
        A data directory; None: the user's.
    file : str or Path
        There whole or not at all.
    overwrite : bool
        Replace such a file.
    settings : Settings, optional
    progress : Progress, optional

    Raises
    ------
    NotFound, AlreadyExists, InvalidArgument, StorageFull, ServerFailed
    """
    from memwalk.store import dump

    settings = settings or Settings.from_environment()
    server = _local(location, settings)
    url = settings.store.payloads
    payloads = None if _is_remote(url) else PayloadStore(url or server.directory / "payloads")
    target = Path(file).expanduser().absolute()
    return dump(server, target, payloads=payloads, payloads_url=url, overwrite=overwrite, progress=progress)


def load_store(
    file: str | Path,
    location: str | Path | None,
    *,
    replace: bool = False,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> BackupHeader:
    """Make a data directory's store the one that `dump_store` wrote into a file.

    Whatever happens, the directory holds the old store or the new one, whole. A newer Neo4j than the backup's
    migrates it; an older one is refused.

    Parameters
    ----------
    file : str or Path
    location : str, Path or None
    replace : bool
        A store that is there is gone afterwards, its log of reads included.
    settings : Settings, optional
    progress : Progress, optional

    Raises
    ------
    SourceNotFound, ArchiveCorrupt, ArchiveMismatch, AlreadyExists, InvalidArgument, StorageFull, ServerFailed
    ConfigurationError
        The walk graph's files of the store that was there cannot be deleted; the backup is loaded.
    """
    from memwalk.store import load

    settings = settings or Settings.from_environment()
    server = _local(location, settings)
    url = settings.store.payloads

    def place(staged: Path) -> PayloadStore:
        there = server.directory / "payloads"
        if url or there.is_symlink() or there.is_mount():  # it cannot be renamed into place
            return PayloadStore(url or there)
        (staged / "payloads").mkdir(mode=0o700)
        return PayloadStore(staged / "payloads")

    header = load(Path(file).expanduser().absolute(), server, payloads=place, replace=replace, progress=progress)
    delete_walk_files(server.directory)
    return header


def check_store(
    location: str | Path | None, *, settings: Settings | None = None, progress: Progress | None = None
) -> CheckReport:
    """Check a local store: Neo4j's files, heads and chains of versions, the change sequence, every payload.

    Others wait while the files and the graph are checked, and go on while the payloads are read.

    Raises
    ------
    NotFound, InvalidArgument, ServerFailed, StoreError
    """
    from memwalk.store import check

    settings = settings or Settings.from_environment()
    server = _local(location, settings)
    payloads = PayloadStore(settings.store.payloads or server.directory / "payloads")
    return check(server, payloads, progress=progress)


def _local(location: str | Path | None, settings: Settings) -> LocalServer:
    from memwalk.store.server import LocalServer

    uri = str(location) if location is not None else settings.store.uri
    if "://" in uri:
        raise InvalidArgument(
            "store",
            uri,
            "a data directory: memwalk does not stop somebody's own Neo4j. Use its own backup "
            "(neo4j-admin, or the provider's), or `memwalk export`",
        )
    directory = Path(location).expanduser() if location else settings.data_directory()
    return LocalServer(directory, settings.server, settings.cache_directory(), offline=settings.models.offline)


def _is_remote(url: str) -> bool:
    return "://" in url and not url.startswith(("file://", "local://"))
