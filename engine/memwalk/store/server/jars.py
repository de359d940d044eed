# SPDX-License-Identifier: Apache-2.0
"""Write the jar lists again: ``python -m memwalk.store.server.jars [VERSION ...]`` (``make jars``).

Resolves the POMs with jgo (a minute a version), fetches every jar anew and writes its sum.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from memwalk.config import CURRENT, LTS
from memwalk.store.server._jars import BROWSER

__all__ = ["main", "resolve"]


def resolve(*endpoints: str) -> list[str]:
    """Resolve Maven endpoints with their dependencies, fetch the jars and return the lines of a list."""
    import jgo
    from jgo.maven import MavenContext

    artifacts = {artifact.key: artifact for endpoint in endpoints for artifact in jgo.resolve(endpoint)}
    jars = [key for key in artifacts if key[4] == "jar"]
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(8) as pool:
        context = MavenContext(repo_cache=Path(scratch), local_repos=[], timeout=60)

        def line(key: tuple[str, str, str, str, str]) -> str:
            group, name, version, classifier, _ = key
            path = context.project(group, name).at_version(version).artifact(classifier).resolve()
            coordinates = ":".join(filter(None, (group, name, version, classifier)))
            return f"{coordinates} {hashlib.sha256(path.read_bytes()).hexdigest()}"

        return list(pool.map(line, jars))


def main(versions: list[str]) -> None:
    """Write the lists of some Neo4j versions, and of the Browser."""
    lists = {
        version: (f"Neo4j {version} Community", [f"org.neo4j.app:neo4j-server:{version}", f"org.neo4j:neo4j:{version}"])
        for version in versions or [LTS, CURRENT]
    }
    browser = BROWSER.removeprefix("browser-")
    lists[BROWSER] = (f"Neo4j Browser {browser}", [f"org.neo4j.client:neo4j-browser:{browser}"])
    for name, (what, endpoints) in lists.items():
        lines = resolve(*endpoints)
        header = (
            f"# The jars of {what}: group:artifact:version[:classifier] sha256. Written by `make jars`; do not edit."
        )
        path = Path(__file__).parent / f"jars-{name}.txt"
        path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        sys.stdout.write(f"{path.name}: {len(lines)} jars\n")


if __name__ == "__main__":
    main(sys.argv[1:])
