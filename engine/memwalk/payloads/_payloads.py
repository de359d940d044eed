# SPDX-License-Identifier: Apache-2.0
"""The payload store."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import re
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from memwalk.errors import ConfigurationError, InvalidArgument, PayloadCorrupt, PayloadMissing, StorageFull
from memwalk.payloads._bucket import Bucket
from memwalk.payloads._files import CHUNK, Files, path_of, sha256_of
from memwalk.payloads._folder import Folder
from memwalk.payloads._safetensors import SafetensorsCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

__all__ = ["GRACE_SECONDS", "Payload", "PayloadStore", "Sweep"]

GRACE_SECONDS = 3_600.0
"""A payload younger than this is never swept: whoever put it may be about to name it."""

_OWNERS = "owners/"
"""Folder of notes: an empty file for each store."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload that is there."""

    sha256: str
    size: int
    """Bytes."""
    age: float
    """Seconds since it was last put."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a sweep removed, or would remove."""

    payloads: tuple[str, ...]
    """Their sha256, sorted."""
    leftovers: int
    """Files that a writer began and did not finish."""
    bytes: int
    """Of both."""


class PayloadStore:
    """Safetensors files under a folder or an fsspec URL, each at ``<2 hex>/<64 hex>.safetensors``.

    A payload has no name but the sha256 of its bytes, so the same bytes are stored once, and what is read is verified.
    It is whole or absent, and durable before `put` returns.

    Parameters
    ----------
    url : str or Path
        A folder, or any URL that fsspec opens.
    owner : str, optional
        Identity of the store that names the payloads; noted in the place before the first is put.

    Raises
    ------
    ConfigurationError
        No file system is known for the URL.
    """

    def __init__(self, url: str | Path, *, owner: str = "") -> None:
        import fsspec
        from fsspec.implementations.local import LocalFileSystem

        self.url = str(url)
        self._unnoted = owner
        try:
            fs, root = fsspec.core.url_to_fs(self.url)
        except (ValueError, ImportError) as error:
            expected = f"a folder, or a URL that fsspec opens ({error})"
            raise ConfigurationError("MEMWALK_PAYLOADS", self.url, expected) from None
        self._files: Files = Folder(root, self.url) if isinstance(fs, LocalFileSystem) else Bucket(fs, root, self.url)

    # --- writing -----------------------------------------------------------------------------------

    def put(self, data: bytes | bytearray | memoryview | IO[bytes] | Iterable[bytes]) -> str:
        """Store a safetensors file durably and return its sha256.

        From now on a version that names it must be committed within `GRACE_SECONDS`, or the payload renewed; else a
        sweep may take it. Bytes that are there already are read, not written; if they are not what their name says,
        they are replaced. A binary file or an iterable is read once, in pieces.

        Raises
        ------
        PayloadMalformed
            Not a safetensors file; nothing was stored.
        StorageFull, ConfigurationError, StoreUnavailable
        StoreBusy
            A sweep took it at that moment; put it again.
        InvalidArgument
            Neither bytes nor pieces of them.
        """
        self._note_owner()
        check, digest = SafetensorsCheck(), hashlib.sha256()
        if isinstance(data, bytes | bytearray | memoryview):
            for piece in _pieces(data):
                check.feed(piece)
                digest.update(piece)
            check.finish()
            sha256 = digest.hexdigest()
            if self._files.renew(path_of(sha256)) and self._is_sound(sha256):
                return sha256
            with self._files.draft() as draft:
                for piece in _pieces(data):
                    draft.write(piece)
                draft.publish(path_of(sha256))
            return sha256
        with self._files.draft() as draft:
            for piece in _pieces(data):
                check.feed(piece)
                digest.update(piece)
                draft.write(piece)
            check.finish()
            draft.publish(path_of(digest.hexdigest()))
        return digest.hexdigest()

    def renew(self, *sha256: str) -> None:
        """Set payloads' age to nothing: for whoever puts many and names them much later.

        Raises
        ------
        PayloadMissing
        """
        for each in sha256:
            if not self._files.renew(_path(each)):
                raise PayloadMissing(each)

    # --- reading -----------------------------------------------------------------------------------

    def get(self, sha256: str) -> bytes:
        """Read a payload and verify it.

        Raises
        ------
        PayloadMissing, PayloadCorrupt, ConfigurationError, StoreUnavailable
        """
        path = _path(sha256)
        try:
            data = self._files.read(path)
        except FileNotFoundError:
            raise PayloadMissing(sha256) from None
        actual = hashlib.sha256(data).hexdigest()
        if actual != sha256:
            raise PayloadCorrupt(sha256, actual)
        return data

    def open(self, sha256: str) -> io.BufferedReader:
        """A payload as a stream that verifies as it is read.

        Its last piece is handed out only after the whole was found sound, so a reader who comes to the end has the
        payload; one who stops before has unverified bytes.

        Raises
        ------
        PayloadMissing, PayloadCorrupt, ConfigurationError, StoreUnavailable
            Here, or while it is read.
        """
        pieces = self._verified(sha256)
        return io.BufferedReader(_Stream(pieces, next(pieces)), CHUNK)

    def copy(self, sha256: str, path: str | Path) -> None:
        """Copy a payload into a file, which is there, whole and verified, or not at all.

        Raises
        ------
        PayloadMissing, PayloadCorrupt, ConfigurationError, StoreUnavailable, StorageFull
        InvalidArgument
            The file cannot be written.
        """
        pieces = self._verified(sha256)
        target = Path(path)
        scratch = target.with_name(f"{target.name}.{uuid.uuid4().hex}.tmp")
        with _target_errors(target):
            try:
                with scratch.open("xb") as file:
                    for piece in pieces:
                        file.write(piece)
                    file.flush()
                    os.fsync(file.fileno())
                scratch.replace(target)
            finally:
                scratch.unlink(missing_ok=True)

    def list(self) -> Iterator[Payload]:
        """Every payload, unverified."""
        now = time.time()
        for found in self._files.found():
            sha256 = sha256_of(found.path)
            if sha256 is not None:
                yield Payload(sha256, found.size, max(0.0, now - found.modified))

    def owners(self) -> set[str]:
        """The stores that ever put payloads here, as far as they said so."""
        return {f.path.removeprefix(_OWNERS) for f in self._files.found() if f.path.startswith(_OWNERS)}

    # --- removing ----------------------------------------------------------------------------------

    def delete(self, sha256: str) -> bool:
        """Remove a payload at once, whoever names it; whether it was there."""
        return self._files.remove(_path(sha256))

    def sweep(
        self, named: Callable[[], Container[str]], *, older_than: float = GRACE_SECONDS, dry_run: bool = False
    ) -> Sweep:
        """Remove the payloads that nothing names, and what writers left unfinished.

        Parameters
        ----------
        named : callable
            Called once, here; says every sha256 that a committed version names.
        older_than : float
            Seconds; nothing younger is touched. Less than `GRACE_SECONDS` is safe only while nobody writes.
        dry_run : bool
            Remove nothing.

        Raises
        ------
        ConfigurationError, StoreUnavailable

        Notes
        -----
        No payload is taken from under a writer. Let c be the time at which a sweep begins, before it asks what is
        named, and let it remove a payload of age stamp m. It does so only if m < c - grace, and it looks at m and
        removes in one step, into which no writer comes (see `Folder` and `Bucket`).

        A writer whose `put` or `renew` came before that step has set the stamp to m or earlier, and commits its version
        less than a grace after: before m + grace, so before c. Then the version was there when the names were asked
        for, and the payload was not removed. A writer whose `put` comes after that step finds the payload gone and
        writes it. The stamps and c are of one clock, that of the place.
        """
        cutoff = (time.time() if dry_run else self._files.now()) - older_than
        old = {found.path: found.size for found in self._files.found() if found.modified < cutoff}
        kept = named()
        doomed = {path: size for path, size in old.items() if _is_waste(path, kept)}
        removed = list(doomed) if dry_run else list(self._files.remove_older(doomed, cutoff))
        payloads = tuple(sorted(sha256 for sha256 in map(sha256_of, removed) if sha256))
        return Sweep(payloads, len(removed) - len(payloads), sum(doomed[path] for path in removed))

    # --- inside ------------------------------------------------------------------------------------

    def _note_owner(self) -> None:
        if self._unnoted:
            path = _OWNERS + self._unnoted
            try:
                self._files.read(path)
            except FileNotFoundError:
                with self._files.draft() as draft:
                    draft.publish(path)
            self._unnoted = ""

    def _is_sound(self, sha256: str) -> bool:
        try:
            for _ in self._verified(sha256):
                pass
        except (PayloadCorrupt, PayloadMissing):  # the latter: deleted meanwhile
            return False
        return True

    def _verified(self, sha256: str) -> Iterator[bytes]:
        """The pieces of a payload, at least one; the last comes after the whole was verified."""
        digest = hashlib.sha256()
        held = b""
        chunks = self._files.chunks(_path(sha256))
        with contextlib.closing(chunks):
            try:
                for piece in chunks:
                    digest.update(piece)
                    if held:
                        yield held
                    held = piece
            except FileNotFoundError:
                raise PayloadMissing(sha256) from None
        if digest.hexdigest() != sha256:
            raise PayloadCorrupt(sha256, digest.hexdigest())
        yield held


class _Stream(io.RawIOBase):
    """Pieces as a raw stream."""

    def __init__(self, pieces: Iterator[bytes], first: bytes) -> None:
        self._pieces = pieces
        self._rest = memoryview(first)

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as the present piece goes."""
        if not self._rest:
            self._rest = memoryview(next(self._pieces, b""))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _is_waste(path: str, kept: Container[str]) -> bool:
    sha256 = sha256_of(path)
    return path.endswith(".tmp") if sha256 is None else sha256 not in kept


@contextlib.contextmanager
def _target_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(target) from error
        raise InvalidArgument("path", str(target), f"a file that can be written ({error.strerror})") from error


def _path(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise InvalidArgument("sha256", sha256, "64 hexadecimal digits")
    return path_of(sha256)


def _pieces(data: bytes | bytearray | memoryview | IO[bytes] | Iterable[bytes]) -> Iterator[bytes | memoryview]:
    if isinstance(data, bytes | bytearray | memoryview):
        view = memoryview(data).cast("B")
        for start in range(0, len(view), CHUNK):
            yield view[start : start + CHUNK]
        return
    read = getattr(data, "read", None)
    if read is None and not isinstance(data, Iterable):
        raise InvalidArgument("data", type(data).__name__, "bytes, a binary file, or an iterable of bytes")
    source = iter(lambda: read(CHUNK), b"") if read is not None else data
    for piece in source:
        if not isinstance(piece, bytes | bytearray | memoryview):
            raise InvalidArgument("data", type(piece).__name__, "bytes, a binary file, or an iterable of bytes")
        yield bytes(piece) if isinstance(piece, bytearray) else piece
