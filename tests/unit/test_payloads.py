# SPDX-License-Identifier: Apache-2.0
"""Payloads: safetensors alone, whole or absent, verified, stored once; in a folder and elsewhere."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from memwalk.errors import (
    ConfigurationError,
    InvalidArgument,
    PayloadCorrupt,
    PayloadMalformed,
    PayloadMissing,
    StorageFull,
)
from memwalk.payloads import PayloadStore
from memwalk.payloads._safetensors import SafetensorsCheck

if TYPE_CHECKING:
    from collections.abc import Iterator


def tensors(size: int, fill: int = 0) -> bytes:
    """A safetensors file with one tensor of so many bytes."""
    return bytes(save({"x": np.full(size, fill, np.uint8)}))


def files(root: Path) -> list[str]:
    """Names of the files below a folder, the lock aside."""
    return sorted(path.name for path in root.rglob("*") if path.is_file() and path.name != ".lock")


@pytest.fixture(params=["folder", "local", "memory", "dir"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder by path and by URL; what cannot be locked: a file system in memory, and one behind another."""
    return {
        "folder": str(tmp_path),
        "local": f"local://{tmp_path}",
        "memory": f"memory://payloads{tmp_path}",
        "dir": f"dir::file://{tmp_path}",
    }[str(request.param)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(mount)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted: {made.stderr.strip()}")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder that anybody may enter, while the process is nobody (if it was root)."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if was == 0:
            os.seteuid(0)
        for path in folder.rglob("*"):
            path.chmod(0o700)
        shutil.rmtree(folder)


def test_round_trip(url: str, tmp_path: Path) -> None:
    """Bytes come back as they were, by each way in and each way out, under their sha256."""
    payloads = PayloadStore(url)
    data = tensors(9_000_000, 1)
    expected = hashlib.sha256(data).hexdigest()
    assert payloads.put(data) == expected
    assert payloads.put(memoryview(data)) == expected
    assert payloads.put(io.BytesIO(data)) == expected
    assert payloads.put(data[i : i + 1_000_003] for i in range(0, len(data), 1_000_003)) == expected
    assert payloads.get(expected) == data
    with payloads.open(expected) as stream:
        assert stream.read(10) + stream.read() == data
    payloads.copy(expected, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == data


def test_list_and_delete(url: str, tmp_path: Path) -> None:
    """Every payload is listed once with its size and age; a deleted one is missing."""
    payloads = PayloadStore(url)
    assert list(payloads.list()) == []
    sizes = {payloads.put(data): len(data) for data in (tensors(10), tensors(20), tensors(10))}
    found = list(payloads.list())
    assert {payload.sha256: payload.size for payload in found} == sizes
    assert len(found) == 2
    assert all(0 <= payload.age < 600 for payload in found)
    gone = found[0].sha256
    assert payloads.delete(gone)
    assert not payloads.delete(gone)
    assert [payload.sha256 for payload in payloads.list()] == [found[1].sha256]
    for read in (payloads.get, payloads.open, payloads.renew):
        with pytest.raises(PayloadMissing):
            read(gone)
    with pytest.raises(PayloadMissing):
        payloads.copy(gone, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_the_same_bytes_are_one_file(tmp_path: Path) -> None:
    """What is there is not stored twice, and no scratch file stays."""
    payloads = PayloadStore(tmp_path)
    digest = payloads.put(tensors(100))
    place = tmp_path / digest[:2] / f"{digest}.safetensors"
    first = place.stat().st_ino
    payloads.put(tensors(100))
    assert place.stat().st_ino == first
    payloads.put(io.BytesIO(tensors(100)))
    assert files(tmp_path) == [f"{digest}.safetensors"]


def test_corrupt_is_told_and_never_returned(tmp_path: Path) -> None:
    """A changed or cut file is refused by each way of reading, before its last piece is out; a put replaces it."""
    payloads = PayloadStore(tmp_path / "store")
    data = tensors(9_000_000)
    digest = payloads.put(data)
    place = tmp_path / "store" / digest[:2] / f"{digest}.safetensors"
    for damaged in (data[:-1] + b"x", data[:-1], data + b"x", b""):
        place.write_bytes(damaged)
        with pytest.raises(PayloadCorrupt, match=digest):
            payloads.get(digest)
        with pytest.raises(PayloadCorrupt):
            payloads.copy(digest, tmp_path / "copy")
        assert [path.name for path in tmp_path.iterdir()] == ["store"]
        read = bytearray()
        with pytest.raises(PayloadCorrupt):
            read.extend(byte for piece in iter(payloads.open(digest).read1, b"") for byte in piece)
        assert len(read) < len(damaged) or not damaged
        assert payloads.put(data) == digest
        assert payloads.get(digest) == data


def test_memory_does_not_grow_with_a_payload(tmp_path: Path) -> None:
    """A payload of 200 MB goes in and out as a stream in less than 40 MB."""
    size = 200_000_000
    header = b'{"x":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (size, size)
    payloads = PayloadStore(tmp_path / "store")

    def source() -> Iterator[bytes]:
        yield len(header).to_bytes(8, "little") + header
        for _ in range(size // 1_000_000):
            yield bytes(1_000_000)

    tracemalloc.start()
    try:
        digest = payloads.put(source())
        payloads.copy(digest, tmp_path / "copy")
        with payloads.open(digest) as stream:
            assert sum(len(piece) for piece in iter(stream.read1, b"")) == size + 8 + len(header)
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()
    assert (tmp_path / "copy").stat().st_size == size + 8 + len(header)


# --- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x08\0\0\0\0\0\0",
        b"pickled tensors",
        bytes(100),
        b"\xff" * 8,
        b"\x02\0\0\0\0\0\0\0[]",
        b"\x02\0\0\0\0\0\0\0{}x",
        b"\x02\0\0\0\0\0\0\0{",
        b"\x0c\0\0\0\0\0\0\0" + b'{"x":"\xff"   }',
        tensors(100)[:-1],
        tensors(100) + b"x",
        tensors(100).replace(b"U8", b"U7"),
        tensors(100).replace(b"[100]", b"[099]"),
        tensors(100).replace(b"[100]", b"[1e2]"),
        tensors(100).replace(b"[0,100]", b"[1,101]"),
        tensors(100).replace(b"[0,100]", b"[100,0]"),
        tensors(100).replace(b"dtype", b"dtyqe"),
    ],
)
def test_only_safetensors(url: str, data: bytes) -> None:
    """What is no well-formed safetensors file is refused as bytes and as a stream, and nothing of it is stored."""
    payloads = PayloadStore(url)
    for given_ in (data, io.BytesIO(data), iter([data])):
        with pytest.raises(PayloadMalformed, match="safetensors"):
            payloads.put(given_)
    assert list(payloads._files.found()) == []


def accepts(data: bytes, piece: int) -> bool:
    """Whether the check accepts bytes that come in pieces of a size."""
    check = SafetensorsCheck()
    try:
        for start in range(0, len(data), piece):
            check.feed(data[start : start + piece])
        check.finish()
    except PayloadMalformed:
        return False
    return True


def reads(data: bytes) -> bool:
    """Whether safetensors reads them."""
    try:
        deserialize(data)  # type: ignore[no-untyped-call]  # it ships no types
    except SafetensorError:
        return False
    return True


arrays: st.SearchStrategy[np.ndarray] = st.tuples(
    st.sampled_from([np.bool_, np.int8, np.float16, np.float32, np.int64]), st.lists(st.integers(0, 3), max_size=3)
).map(lambda drawn: np.zeros(drawn[1], drawn[0]))


@examples(max_examples=400, deadline=None)
@given(st.data(), st.dictionaries(st.text(max_size=3), arrays, max_size=3), st.integers(1, 40))
def test_accepts_what_safetensors_reads(data: st.DataObject, named: dict[str, np.ndarray], piece: int) -> None:
    """Files of any tensors are accepted; of files with bytes changed, cut or added, only what safetensors reads."""
    named.pop("__metadata__", None)
    # Of no tensors and empty metadata safetensors writes a file that it cannot read itself.
    metadata = data.draw(st.none() | st.dictionaries(st.text(max_size=2), st.text(max_size=2), min_size=1))
    whole = bytes(save(named, metadata))
    assert accepts(whole, piece)
    assert reads(whole)
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(0, 2))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(
            st.sampled_from(b'0123456789{}[],:" x\0\xff') | st.integers(0, 255)
        )
    cut = bytes(changed[: data.draw(st.integers(0, len(changed)) | st.just(len(changed)))])
    cut += data.draw(st.just(b"") | st.binary(max_size=3))
    assert not accepts(cut, piece) or reads(cut)


@pytest.mark.parametrize("data", [None, 7, "text", ["text"], io.StringIO("text")])
def test_what_is_no_bytes(tmp_path: Path, data: object) -> None:
    """Text, numbers and nothing are no payload."""
    with pytest.raises(InvalidArgument, match="bytes"):
        PayloadStore(tmp_path).put(data)  # type: ignore[arg-type]  # that is the test
    assert files(tmp_path) == []


@pytest.mark.parametrize("name", ["", "0" * 63, "../" * 21 + "x", "A" * 64, "0" * 64 + "\n"])
def test_what_is_no_name(tmp_path: Path, name: str) -> None:
    """Only a sha256 names a payload; nothing else reaches the file system."""
    payloads = PayloadStore(tmp_path)
    for act in (payloads.get, payloads.open, payloads.delete, payloads.renew):
        with pytest.raises(InvalidArgument, match="64 hexadecimal digits"):
            act(name)


@pytest.mark.parametrize("url", ["nosuch://bucket"])
def test_unknown_file_system(url: str) -> None:
    """A URL that no file system is for is told when the store is opened."""
    with pytest.raises(ConfigurationError, match="MEMWALK_PAYLOADS"):
        PayloadStore(url)


def test_source_that_fails(url: str) -> None:
    """A source that breaks off leaves nothing behind, and its own error is what one gets."""

    def source() -> Iterator[bytes]:
        yield tensors(100)[:50]
        raise OSError("the network is gone")

    payloads = PayloadStore(url)
    with pytest.raises(OSError, match="the network is gone"):
        payloads.put(source())
    assert list(payloads._files.found()) == []


# --- a place that refuses --------------------------------------------------------------------------


def test_full_disk(small_disk: Path) -> None:
    """Nothing is left of a payload that did not fit, as bytes or as a stream, and smaller ones still do."""
    payloads = PayloadStore(small_disk / "store")
    kept = payloads.put(tensors(100))
    big = tensors(3_000_000)
    for given_ in (big, io.BytesIO(big)):
        with pytest.raises(StorageFull, match="free some"):
            payloads.put(given_)
    (small_disk / "filler").write_bytes(bytes(1_500_000))
    with pytest.raises(StorageFull, match="copy"):
        PayloadStore(f"memory://full{small_disk}").copy(
            PayloadStore(f"memory://full{small_disk}").put(big), small_disk / "copy"
        )
    assert not (small_disk / "copy").exists()
    assert payloads.get(kept) == tensors(100)
    assert files(small_disk / "store") == [f"{kept}.safetensors"]
    assert payloads.sweep(set, older_than=-1).payloads == (kept,)


def test_without_permission(unprivileged: Path) -> None:
    """A folder that may only be read is read; what it refuses is told with the setting and the place."""
    root = unprivileged / "store"
    payloads = PayloadStore(root)
    kept, closed = payloads.put(tensors(1)), payloads.put(tensors(2))
    (root / closed[:2] / f"{closed}.safetensors").chmod(0)
    for folder in (root, *root.glob("*/")):
        folder.chmod(0o500)
    assert payloads.get(kept) == tensors(1)
    assert len(list(payloads.list())) == 2
    assert payloads.sweep(set, older_than=-1, dry_run=True).payloads == tuple(sorted((kept, closed)))
    with pytest.raises(ConfigurationError, match=r"MEMWALK_PAYLOADS.*can be written.*Permission denied"):
        payloads.put(tensors(3))
    with pytest.raises(ConfigurationError, match=r"MEMWALK_PAYLOADS.*can be read.*Permission denied"):
        payloads.get(closed)
    with pytest.raises(ConfigurationError, match=r"can be written.*Permission denied"):
        payloads.delete(kept)
    with pytest.raises(InvalidArgument, match=r"can be written.*Permission denied"):
        payloads.copy(kept, root / "copy")
    root.chmod(0)
    with pytest.raises(ConfigurationError, match=r"can be read.*Permission denied"):
        list(payloads.list())
    root.chmod(0o500)


def test_place_is_a_file(tmp_path: Path) -> None:
    """A file where the folder should be is told as such."""
    (tmp_path / "store").write_text("")
    with pytest.raises(ConfigurationError, match="MEMWALK_PAYLOADS"):
        PayloadStore(tmp_path / "store").put(tensors(1))


# --- kill -9 ---------------------------------------------------------------------------------------

WRITER = """
import sys
import numpy as np
from safetensors.numpy import save
from memwalk.payloads import PayloadStore
payloads = PayloadStore(sys.argv[1])
n = int(sys.argv[2])
while True:
    n += 1
    data = bytes(save({"x": np.full(3_000_000, n % 256, np.uint8), "n": np.array([n])}))
    given = (data[i:i + 100_000] for i in range(0, len(data), 100_000)) if n % 2 else data
    print(payloads.put(given), flush=True)
"""


@pytest.mark.parametrize("scheme", ["", "dir::file://"])
def test_killed_writers_leave_nothing_torn(tmp_path: Path, scheme: str) -> None:
    """After each of 15 kill -9 in the middle of a put: what is visible is whole, what was acknowledged is there."""
    payloads = PayloadStore(f"{scheme}{tmp_path}")
    acknowledged: set[str] = set()
    leftovers = 0
    for round_ in range(15):
        command = [sys.executable, "-c", WRITER, payloads.url, str(round_ * 1_000)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            first = writer.stdout.readline()
            time.sleep(0.003 * round_)
            writer.kill()
            lines = (first + writer.stdout.read()).splitlines()
        acknowledged.update(line for line in lines if len(line) == 64)
        there = {payload.sha256 for payload in payloads.list()}
        assert acknowledged <= there
        for sha256 in there:
            payloads.get(sha256)
        swept = payloads.sweep(lambda: acknowledged, older_than=-1)
        leftovers += swept.leftovers
        assert {payload.sha256 for payload in payloads.list()} == acknowledged
    assert leftovers > 0
    assert not [name for name in files(tmp_path) if name.endswith(".tmp")]


@examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["put", "stream", "delete", "sweep", "renew"]), st.integers(0, 3))))
def test_random_calls_against_a_dictionary(tmp_path: Path, calls: list[tuple[str, int]]) -> None:
    """Any sequence of calls leaves what a dictionary would hold."""
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        payloads = PayloadStore(folder)
        held: dict[str, bytes] = {}
        for call, n in calls:
            data = tensors(n)
            digest = hashlib.sha256(data).hexdigest()
            if call == "put":
                assert payloads.put(data) == digest
            elif call == "stream":
                assert payloads.put(iter([data])) == digest
            elif call == "delete":
                assert payloads.delete(digest) == (digest in held)
            elif call == "sweep":
                expected = sorted(held.keys() - {digest})
                assert payloads.sweep({digest}.copy, older_than=-1).payloads == tuple(expected)
                held = {name: held[name] for name in held.keys() & {digest}}
            elif digest in held:
                payloads.renew(digest)
            if call in {"put", "stream"}:
                held[digest] = data
            elif call == "delete":
                held.pop(digest, None)
            assert {p.sha256: p.size for p in payloads.list()} == {name: len(d) for name, d in held.items()}
        assert all(payloads.get(name) == data for name, data in held.items())
