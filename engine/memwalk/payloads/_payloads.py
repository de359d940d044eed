# SPDX-License-Identifier: Apache-2.0
"""The payload store."""

from __future__ import annotations

import errno
import hashlib
import os
import uuid
from typing import TYPE_CHECKING

from memwalk.errors import PayloadCorrupt, PayloadMissing, StorageFull

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PayloadStore"]


class PayloadStore:
    """Payloads under a folder or an fsspec URL, each at ``<2 hex>/<64 hex>.safetensors``.

    Parameters
    ----------
    url : str or Path
        A folder, or any URL `fsspec` opens.
    """

    def __init__(self, url: str | Path) -> None:
        import fsspec
        from fsspec.implementations.local import LocalFileSystem

        self.url = str(url)
        self._fs, self._root = fsspec.core.url_to_fs(self.url)
        self._is_local = isinstance(self._fs, LocalFileSystem)

    def put(self, data: bytes) -> str:
        """Store bytes durably and return their sha256; bytes that are there already are not written again.

        They are written under a temporary name, synced, and renamed, so a payload is whole or absent.

        Raises
        ------
        StorageFull
        """
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        if self._fs.exists(path) and self._fs.size(path) == len(data):
            return digest
        temporary = f"{path}.{uuid.uuid4().hex}.tmp"
        try:
            self._fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            try:
                with self._fs.open(temporary, "wb") as file:
                    file.write(data)
                    file.flush()
                    if self._is_local:  # others are durable when closed
                        os.fsync(file.fileno())
                self._fs.mv(temporary, path)
            except BaseException:
                if self._fs.exists(temporary):
                    self._fs.rm(temporary)
                raise
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise StorageFull(self.url, "a payload was not stored") from error
            raise
        return digest

    def get(self, sha256: str) -> bytes:
        """Read a payload and verify it.

        Raises
        ------
        PayloadMissing, PayloadCorrupt
        """
        try:
            data: bytes = self._fs.cat_file(self._path(sha256))
        except FileNotFoundError:
            raise PayloadMissing(sha256) from None
        actual = hashlib.sha256(data).hexdigest()
        if actual != sha256:
            raise PayloadCorrupt(sha256, actual)
        return data

    def _path(self, sha256: str) -> str:
        return f"{self._root}/{sha256[:2]}/{sha256}.safetensors"
