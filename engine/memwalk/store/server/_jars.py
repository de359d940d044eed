# SPDX-License-Identifier: Apache-2.0
"""The jars of the local server: committed lists, fetched once, verified, kept in a cache."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from memwalk.errors import ConfigurationError, DownloadFailed, StorageFull

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memwalk.progress import Progress

__all__ = ["BROWSER", "Jar", "JarCache", "read_list", "server_versions", "version_key"]

BROWSER = "browser-5.24.0"
"""Name of the list with the page Neo4j Browser."""

_LISTS = Path(__file__).parent
_WORKERS = 8
_ATTEMPTS = 3
_PROBE_SECONDS = 5
_TIMEOUT_SECONDS = 30

logger = logging.getLogger("memwalk.store")


@dataclass(frozen=True, slots=True)
class Jar:
    """One pinned file of a Maven repository."""

    group: str
    artifact: str
    version: str
    classifier: str
    sha256: str

    @classmethod
    def parse(cls, line: str) -> Jar:
        """Read one line of a list."""
        coordinates, sha256 = line.split()
        group, artifact, version, *classifier = coordinates.split(":")
        return cls(group, artifact, version, classifier[0] if classifier else "", sha256)

    def __str__(self) -> str:
        return ":".join(filter(None, (self.group, self.artifact, self.version, self.classifier)))

    @property
    def path(self) -> str:
        """Where it lies below the cache's root: the layout of a Maven repository."""
        name = "-".join(filter(None, (self.artifact, self.version, self.classifier)))
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{name}.jar"


def server_versions() -> tuple[str, ...]:
    """The Neo4j versions there is a list for, oldest first."""
    names = (path.stem.removeprefix("jars-") for path in _LISTS.glob("jars-*.txt"))
    return tuple(sorted((name for name in names if name != BROWSER), key=version_key))


def version_key(version: str) -> tuple[int, ...]:
    """Order of Neo4j versions: 5.26.30 comes before 2026.08.1."""
    return tuple(int(part) for part in version.split("."))


def read_list(name: str) -> tuple[Jar, ...]:
    """The jars of a Neo4j version, or of `BROWSER`, in class path order.

    Raises
    ------
    ConfigurationError
        There is no such list.
    """
    path = _LISTS / f"jars-{name}.txt"
    if not path.is_file():
        raise ConfigurationError("MEMWALK_NEO4J_VERSION", name, " or ".join(server_versions()))
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(Jar.parse(line) for line in lines if line and not line.startswith("#"))


class JarCache:
    """A folder of verified jars, filled from the network where something is missing.

    Parameters
    ----------
    root : Path
        Any number of processes and threads may share it.
    offline : bool
        Never ask the network.

    Notes
    -----
    A jar is complete or absent: it is fetched into a scratch folder, its sum is compared, and it is renamed
    into place. A file whose size and time are those it had when its sum was last right is not read again;
    `verify` reads all.
    """

    def __init__(self, root: Path, *, offline: bool = False) -> None:
        self.root = root
        self.offline = offline

    def fetch(self, names: Sequence[str], progress: Progress | None = None) -> list[Path]:
        """Make sure that all jars of some lists are there.

        Parameters
        ----------
        names : sequence of str
            Neo4j versions, `BROWSER`.
        progress : Progress, optional

        Returns
        -------
        list of Path
            In class path order.

        Raises
        ------
        DownloadFailed
            A jar is missing and could not be fetched, or is not the pinned one.
        StorageFull
            The disk has no room for them.
        """
        jars = list(dict.fromkeys(jar for name in names for jar in read_list(name)))
        label = "Neo4j " + " and ".join(names)
        try:
            if self._unverified(jars, label, progress):
                self._fetch_missing(jars, label, progress)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise StorageFull(self.root, f"{label} takes about 180 MB") from error
            raise DownloadFailed(f"{label} into {self.root}", error.strerror or str(error)) from error
        return [self.root / jar.path for jar in jars]

    def verify(self, names: Sequence[str], progress: Progress | None = None) -> list[Jar]:
        """Read every jar of some lists and return those that are missing or not the pinned ones."""
        jars = list(dict.fromkeys(jar for name in names for jar in read_list(name)))
        self._stamp.unlink(missing_ok=True)
        return self._unverified(jars, "Neo4j " + " and ".join(names), progress)

    # --- what is there ---------------------------------------------------------------------------

    @property
    def _stamp(self) -> Path:
        return self.root / "verified.json"

    def _unverified(self, jars: Sequence[Jar], label: str, progress: Progress | None) -> list[Jar]:
        """Jars that are missing or wrong; wrong files stay where they are."""
        known = self._read_stamp()
        seen: dict[str, list[int | str]] = {}
        bad: list[Jar] = []
        for done, jar in enumerate(jars):
            path = self.root / jar.path
            try:
                status = path.stat()
            except FileNotFoundError:
                bad.append(jar)
                continue
            entry: list[int | str] = [status.st_size, status.st_mtime_ns, jar.sha256]
            if known.get(jar.path) != entry:
                if progress:
                    progress(f"checking {label}", done, len(jars))
                if _sha256(path) != jar.sha256:
                    logger.warning("%s is not the pinned file; it is fetched again", path)
                    bad.append(jar)
                    continue
            seen[jar.path] = entry
        if any(known.get(path) != entry for path, entry in seen.items()):
            self._write_stamp(known | seen)
        return bad

    def _read_stamp(self) -> dict[str, list[int | str]]:
        try:
            stamp = json.loads(self._stamp.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return stamp if isinstance(stamp, dict) else {}

    def _write_stamp(self, entries: dict[str, list[int | str]]) -> None:
        """Remember what was verified; a cache that cannot be written is verified every time."""
        try:
            descriptor, scratch = tempfile.mkstemp(prefix=".verified-", dir=self.root)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(entries, file, indent=0, sort_keys=True)
            Path(scratch).replace(self._stamp)
        except PermissionError:
            logger.debug("%s cannot be written", self.root)
        except OSError as error:
            if error.errno != errno.EROFS:
                raise
            logger.debug("%s is read-only", self.root)

    # --- what is missing -------------------------------------------------------------------------

    def _fetch_missing(self, jars: Sequence[Jar], label: str, progress: Progress | None) -> None:
        if self.offline:
            missing = len(self._unverified(jars, label, progress))
            raise DownloadFailed(
                f"{label} ({missing} of {len(jars)} jars)",
                f"memwalk is offline (MEMWALK_OFFLINE) and they are not in {self.root}; "
                "run `memwalk db start` once with a network",
            )
        from filelock import FileLock

        self.root.mkdir(parents=True, exist_ok=True)
        with FileLock(self.root / ".lock"):
            for scratch in self.root.glob(".part-*"):  # of a process that was killed
                shutil.rmtree(scratch, ignore_errors=True)
            wanted = self._unverified(jars, label, progress)  # another process may have been quicker
            if not wanted:
                return
            done = len(jars) - len(wanted)
            if progress:
                progress(f"fetching {label}", done, len(jars))
            # One jar alone first: without a network this fails in seconds, not in seconds times jars.
            _download(self.root, wanted[0], _PROBE_SECONDS)
            with ThreadPoolExecutor(_WORKERS, thread_name_prefix="memwalk-jars") as pool:
                futures = [pool.submit(_download, self.root, jar, _TIMEOUT_SECONDS) for jar in wanted[1:]]
                try:
                    for count, future in enumerate(as_completed(futures), start=done + 2):
                        future.result()
                        if progress:
                            progress(f"fetching {label}", count, len(jars))
                finally:
                    pool.shutdown(wait=False, cancel_futures=True)
            self._unverified(jars, label, None)  # stamps what was just fetched


def _download(root: Path, jar: Jar, seconds: int) -> None:
    """Fetch one jar into place, trying again what may pass.

    Raises
    ------
    DownloadFailed
    OSError
        The disk refuses it.
    """
    import requests

    started = time.monotonic()
    reason = ""
    for attempt in range(_ATTEMPTS):
        time.sleep(0.5 * attempt)
        try:
            actual = _download_once(root, jar, seconds)
        except requests.exceptions.ConnectionError as error:
            reason = f"no network, or no way to the Maven repository ({_cause(error)}); it is needed this once"
        except (requests.exceptions.RequestException, RuntimeError) as error:  # jgo: RuntimeError for a refusal
            reason = _cause(error)
        else:
            if actual == jar.sha256:
                return
            reason = f"the repository serves a file with sha256 {actual}, pinned is {jar.sha256}"
        if seconds == _PROBE_SECONDS and time.monotonic() - started > _PROBE_SECONDS / 2:
            break
    raise DownloadFailed(str(jar), reason)


def _download_once(root: Path, jar: Jar, seconds: int) -> str:
    """Fetch a jar, put it into place if it is the pinned one, and return its sum."""
    from jgo.maven import MavenContext

    with tempfile.TemporaryDirectory(prefix=".part-", dir=root) as scratch:
        context = MavenContext(repo_cache=Path(scratch), local_repos=[], timeout=seconds)
        component = context.project(jar.group, jar.artifact).at_version(jar.version)
        path = component.artifact(jar.classifier).resolve()
        actual = _sha256(path)
        if actual == jar.sha256:
            with path.open("rb") as file:
                os.fsync(file.fileno())
            target = root / jar.path
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        return actual


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cause(error: BaseException) -> str:
    """What the innermost error says, in a line, without addresses."""
    while error.__context__ is not None:
        error = error.__context__
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, RuntimeError):
        return "the Maven repository does not give it"
    return type(error).__name__
