# SPDX-License-Identifier: Apache-2.0
"""The jars of the local server: lists, sums, refetching, and no network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from memwalk.config import CURRENT, LTS, Settings
from memwalk.errors import ConfigurationError, DownloadFailed
from memwalk.store.server import BROWSER, Jar, JarCache, read_list, server_versions

if TYPE_CHECKING:
    from pathlib import Path


def smallest(jars: tuple[Jar, ...], root: Path) -> Jar:
    return min(jars, key=lambda jar: (root / jar.path).stat().st_size)


@pytest.fixture
def filled(tmp_path: Path) -> JarCache:
    """A cache of its own with all jars of the LTS: links into the user's."""
    user = JarCache(Settings.from_environment().cache_directory() / "jars")
    user.fetch([LTS])
    cache = JarCache(tmp_path / "jars")
    for jar in read_list(LTS):
        (cache.root / jar.path).parent.mkdir(parents=True, exist_ok=True)
        (cache.root / jar.path).symlink_to(user.root / jar.path)
    return cache


def test_lists_name_each_jar_once_with_its_sum_and_no_address() -> None:
    for name, count in ((LTS, 216), (CURRENT, 237), (BROWSER, 1)):
        jars = read_list(name)
        assert len(jars) == len({jar.path for jar in jars}) == count
        assert all(re.fullmatch("[0-9a-f]{64}", jar.sha256) for jar in jars)
        assert not any("/" in str(jar) for jar in jars)
    assert server_versions() == (LTS, CURRENT)


def test_a_jar_lies_where_maven_puts_it() -> None:
    jar = Jar.parse("io.netty:netty-transport:4.1:linux-x86_64 " + "0" * 64)
    assert str(jar) == "io.netty:netty-transport:4.1:linux-x86_64"
    assert jar.path == "io/netty/netty-transport/4.1/netty-transport-4.1-linux-x86_64.jar"


def test_an_unknown_version_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=re.escape(f"{LTS} or {CURRENT}")):
        read_list("4.4.0")


def test_offline_with_an_empty_cache_fails_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(DownloadFailed, match=r"216 of 216 jars.*offline"):
        JarCache(tmp_path / "jars", offline=True).fetch([LTS])
    assert time.monotonic() - started < 5
    assert not (tmp_path / "jars").exists()


def test_without_a_network_an_empty_cache_fails_within_seconds(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from memwalk.errors import DownloadFailed\n"
        "from memwalk.store.server import JarCache\n"
        "try: JarCache(Path(sys.argv[1])).fetch(['5.26.30'])\n"
        "except DownloadFailed as error: print(error)"
    )
    nowhere = "http://127.0.0.1:9"
    environment = os.environ | {"HTTPS_PROXY": nowhere, "https_proxy": nowhere, "NO_PROXY": "", "no_proxy": ""}
    started = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], env=environment, capture_output=True, text=True, check=True
    )
    assert time.monotonic() - started < 15  # importing jgo included
    assert "no network" in result.stdout
    assert not list(tmp_path.glob("**/*.jar"))


def test_what_is_there_needs_no_network_and_is_not_read_twice(filled: JarCache) -> None:
    offline = JarCache(filled.root, offline=True)
    assert all(path.is_file() for path in offline.fetch([LTS]))
    started = time.monotonic()
    offline.fetch([LTS])
    assert time.monotonic() - started < 0.5  # stats of 216 files, no sums
    assert offline.verify([LTS]) == []


def test_a_corrupted_jar_is_noticed_and_fetched_again_alone(filled: JarCache) -> None:
    filled.fetch([LTS])
    jar = smallest(read_list(LTS), filled.root)
    path = filled.root / jar.path
    good = path.read_bytes()
    path.unlink()  # it is a link into the user's cache
    path.write_bytes(b"corrupted" + good[9:])
    assert filled.verify([LTS]) == [jar]
    with pytest.raises(DownloadFailed, match="1 of 216 jars"):
        JarCache(filled.root, offline=True).fetch([LTS])
    seen: list[tuple[str, int, int | None]] = []
    filled.fetch([LTS], lambda stage, done, total: seen.append((stage, done, total)))
    assert path.read_bytes() == good
    assert next(entry for entry in seen if entry[0].startswith("fetching"))[1:] == (215, 216)
    assert not list(filled.root.glob(".part-*"))


def test_a_stamp_is_not_trusted_for_a_file_of_another_size_or_time(filled: JarCache) -> None:
    filled.fetch([LTS])
    jar = smallest(read_list(LTS), filled.root)
    path = filled.root / jar.path
    path.unlink()
    path.write_bytes(b"not a jar")
    with pytest.raises(DownloadFailed, match="1 of 216 jars"):
        JarCache(filled.root, offline=True).fetch([LTS])
