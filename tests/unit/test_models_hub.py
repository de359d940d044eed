# SPDX-License-Identifier: Apache-2.0
"""The hub's side of the resolver, against a small server on loopback that speaks the hub's protocol."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = "somebody/small"
COMMIT = "c" * 40
FILES = {
    "config.json": b'{"model_type": "llama"}',
    "tokenizer.json": b"{}",
    "model.safetensors": bytes(range(256)) * 4096,
    "pytorch_model.bin": b"a pickle, never fetched",
    "onnx/model.onnx": b"not ours",
}


class Hub(ThreadingHTTPServer):
    """Holds one repository; remembers what was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = dict(FILES)
        self.sums = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fetched(self) -> set[str]:
        """Files whose content was sent."""
        return {line.split("/main/")[-1] for line in self.asked if line.startswith("GET") and "/resolve/" in line}


class Answer(BaseHTTPRequestHandler):
    """The two requests a download makes: what is there, and a file."""

    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append(f"{self.command} {path}")
        if path.startswith(f"/api/models/{REPOSITORY}"):
            self.answer(json.dumps(self.listing()).encode(), {"Content-Type": "application/json"})
            return
        for name, content in self.server.files.items():
            if path in {f"/{REPOSITORY}/resolve/main/{name}", f"/{REPOSITORY}/resolve/{COMMIT}/{name}"}:
                self.answer(content, {"ETag": f'"{self.server.sums[name]}"', "X-Repo-Commit": COMMIT})
                return
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def answer(self, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(200)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def listing(self) -> dict[str, object]:
        siblings = [
            {
                "rfilename": name,
                "size": len(content),
                **(
                    {"lfs": {"sha256": self.server.sums[name], "size": len(content), "pointerSize": 1}}
                    if name.endswith((".safetensors", ".bin"))
                    else {}
                ),
            }
            for name, content in self.server.files.items()
        ]
        return {"id": REPOSITORY, "sha": COMMIT, "siblings": siblings, "cardData": {"license": "mit"}}


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A running server."""
    with Hub() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


RESOLVE = """
import json, sys
from pathlib import Path
from memwalk.config import ModelSettings
from memwalk.errors import ModelError
from memwalk.models._resolve import resolve
seen = []
try:
    found = resolve("language_model", ModelSettings(language_model=sys.argv[2], offline=sys.argv[4] == "offline"),
                    Path(sys.argv[1]), lambda *a: seen.append(a), mode=sys.argv[3])
except ModelError as error:
    print(json.dumps({"error": type(error).__name__, "text": str(error)}))
else:
    print(json.dumps({"origin": found.origin, "licence": found.licence, "files": sorted(found.files),
                      "folder": str(found.folder), "last": [s for s in seen if s[0].startswith("fetching")][-1:]}))
"""


def resolve(
    hub: Hub, tmp_path: Path, mode: str = "use", *, name: str = REPOSITORY, offline: bool = False
) -> dict[str, object]:
    """Resolve in a fresh process that knows no other hub."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    env |= {"HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "hub")}
    command = [sys.executable, "-W", "error", "-c", RESOLVE, str(tmp_path / "cache"), name, mode]
    done = subprocess.run(
        [*command, "offline" if offline else "online"], capture_output=True, text=True, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    assert "%|" not in done.stderr  # no bar
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_a_model_comes_from_the_hub_and_stays(hub: Hub, tmp_path: Path) -> None:
    """Only safetensors and small text files are fetched; afterwards nobody is asked again."""
    found = resolve(hub, tmp_path)
    assert found["origin"] == f"{REPOSITORY}@{COMMIT}"
    assert found["licence"] == "mit"
    assert found["files"] == ["config.json", "model.safetensors", "tokenizer.json"]
    total = sum(len(FILES[name]) for name in ("config.json", "model.safetensors", "tokenizer.json"))
    assert found["last"] == [[f"fetching {REPOSITORY}", total, total]]
    assert hub.fetched() == {"config.json", "model.safetensors", "tokenizer.json"}
    hub.asked.clear()
    assert resolve(hub, tmp_path)["origin"] == found["origin"]
    assert resolve(hub, tmp_path, offline=True)["origin"] == found["origin"]
    assert not hub.asked


def test_weights_that_are_not_what_the_hub_says_are_refused(hub: Hub, tmp_path: Path) -> None:
    """The bytes are compared with the hub's own sum, and nothing is recorded."""
    hub.files["model.safetensors"] = b"\xff" + FILES["model.safetensors"][1:]
    answer = resolve(hub, tmp_path)
    assert answer["error"] == "ModelCorrupt"
    assert hub.sums["model.safetensors"] in str(answer["text"])
    assert not list((tmp_path / "cache").rglob("record.json"))
    assert resolve(hub, tmp_path)["error"] == "ModelCorrupt"
    hub.files["model.safetensors"] = FILES["model.safetensors"]
    assert resolve(hub, tmp_path)["origin"] == f"{REPOSITORY}@{COMMIT}"


def test_a_damaged_hugging_face_cache_is_not_trusted(hub: Hub, tmp_path: Path) -> None:
    """Damage from before memwalk first looked: offline it is refused, else the file is fetched again."""
    weights = Path(str(resolve(hub, tmp_path)["folder"])) / "model.safetensors"
    weights.resolve().write_bytes(b"damaged")
    shutil.rmtree(tmp_path / "cache")
    assert f"damaged: {weights}" in str(resolve(hub, tmp_path, offline=True)["text"])
    assert resolve(hub, tmp_path)["origin"] == f"{REPOSITORY}@{COMMIT}"
    assert weights.read_bytes() == FILES["model.safetensors"]


def test_repair_fetches_the_same_commit_again(hub: Hub, tmp_path: Path) -> None:
    """A damaged file in the Hugging Face cache is refused, and mended on demand."""
    found = resolve(hub, tmp_path)
    weights = Path(str(found["folder"])) / "model.safetensors"
    weights.resolve().write_bytes(b"damaged")
    assert resolve(hub, tmp_path)["error"] == "ModelCorrupt"
    assert resolve(hub, tmp_path, "repair")["origin"] == found["origin"]
    assert weights.read_bytes() == FILES["model.safetensors"]


def test_a_gone_snapshot_is_fetched_again_or_told(hub: Hub, tmp_path: Path) -> None:
    """The recorded commit, and no other source, without asking anybody's permission; offline it is refused."""
    resolve(hub, tmp_path)
    shutil.rmtree(tmp_path / "hub")
    answer = resolve(hub, tmp_path, offline=True)
    assert answer["error"] == "ModelUnavailable"
    assert "--refresh" in str(answer["text"])
    assert resolve(hub, tmp_path)["origin"] == f"{REPOSITORY}@{COMMIT}"


def test_an_unknown_repository_is_told(hub: Hub, tmp_path: Path) -> None:
    """The hub answers, and has no such thing."""
    answer = resolve(hub, tmp_path, name="somebody/else")
    assert answer["error"] == "ModelUnavailable"
    assert "RepositoryNotFoundError" in str(answer["text"])


def test_weights_in_pickle_only_are_refused(hub: Hub, tmp_path: Path) -> None:
    """A repository without safetensors is of no use; nothing of it is fetched."""
    del hub.files["model.safetensors"]
    answer = resolve(hub, tmp_path)
    assert "no safetensors weights" in str(answer["text"])
    assert not hub.fetched()


def test_two_at_once_fetch_once(hub: Hub, tmp_path: Path) -> None:
    """Processes that need the same model wait for one of them."""
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: resolve(hub, tmp_path), range(3)))
    assert {answer["origin"] for answer in answers} == {f"{REPOSITORY}@{COMMIT}"}
    assert sum(line.startswith("GET") and line.endswith("model.safetensors") for line in hub.asked) == 1
