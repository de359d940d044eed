# SPDX-License-Identifier: Apache-2.0
"""Is a local store whole? Neo4j's files by its own checker, then what memwalk promises about the graph and payloads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memwalk.errors import NotFound, PayloadCorrupt, PayloadMissing
from memwalk.store._backup import store_at
from memwalk.store.server import maintenance
from memwalk.store.server._admin import admin_failure, run_admin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memwalk.progress import Progress
    from memwalk.store._backup import PayloadPlace
    from memwalk.store._client import Store
    from memwalk.store.server import LocalServer, Maintenance

__all__ = ["CheckReport", "Finding", "check", "check_graph"]

_UNCLEAN = "Active logical log detected"
_INCONSISTENT = "Inconsistencies found"
_COUNT = re.compile(r"Number of inconsistent (\w+) records: (\d+)")
_REPORT = re.compile(r"See '([^']+)'")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be."""

    kind: str
    """`files`, `head`, `chain`, `changes`, `payload missing` or `payload corrupt`."""
    where: str
    """The unit, file or payload."""
    detail: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check looked at and found."""

    units: int
    versions: int
    changes: int
    payloads: int
    """Payloads that versions name; each was read."""
    orphans: int
    """Payloads that no version names: no fault, a sweep removes them."""
    orphan_bytes: int
    staged: int
    """Units of imports that were not finished, which nobody can read: no fault, importing again goes on."""
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def check(server: LocalServer, payloads: PayloadPlace, *, progress: Progress | None = None) -> CheckReport:
    """Check a local store: its files while the server is stopped, then its graph, then its payloads.

    Others wait until the graph was read; payloads are read while they go on.

    Parameters
    ----------
    server : LocalServer
    payloads : PayloadPlace
    progress : Progress, optional

    Raises
    ------
    NotFound
        There is no store.
    ServerFailed, StorageFull, StoreError
        It could not be checked.
    """
    if not server.files.home.is_dir():
        raise NotFound("store", str(server.directory))
    with maintenance(server, "a check", progress) as work:
        findings = list(_check_files(work, progress))
        if findings:  # what the server would read from broken files says nothing more
            return CheckReport(0, 0, 0, 0, 0, 0, 0, tuple(findings))
        if progress:
            progress("reading the graph", 0, None)
        with store_at(work.start()) as store:
            if store.read("store/get_store")[0]["uuid"] is None:
                raise NotFound("store", str(server.directory))
            findings += check_graph(store)
            counts = store.read("store/count_versions")[0]
            changes = store.read("store/check_changes")[0]["changes"]
            named = {row["sha256"]: row["unit"] for row in store.stream("store/list_payloads")}
    suspects = list(_check_payloads(named, payloads, progress))
    if suspects:
        findings += _still_named(server, suspects)
    orphans = [payload.size for payload in payloads.list() if payload.sha256 not in named]
    return CheckReport(
        units=counts["units"],
        versions=counts["versions"],
        changes=changes,
        payloads=len(named),
        orphans=len(orphans),
        orphan_bytes=sum(orphans),
        staged=counts["staged"],
        findings=tuple(findings),
    )


def check_graph(store: Store) -> Iterator[Finding]:
    """What in a graph breaks the promises about heads, chains of versions and the change sequence."""
    for row in store.stream("store/check_heads"):
        detail = f"{row['heads']} heads, the latest version {row['head']}, the unit says {row['seq']}"
        yield Finding("head", row["unit"], detail)
    for row in store.stream("store/check_chains"):
        detail = (
            f"version {row['seq']} has {row['predecessors']} before it, {row['successors']} after it, "
            f"and is head {row['heads']} times"
        )
        yield Finding("chain", row["unit"], detail)
    row = store.read("store/check_changes")[0]
    numbers = (row["last"] or 0) - (row["first"] or 1) + 1
    if row["changes"] != numbers or (row["changes"] and row["last"] != row["latest"]):
        detail = f"{row['changes']} changes from {row['first']} to {row['last']}, the counter is at {row['latest']}"
        yield Finding("changes", "change sequence", detail)


def _check_files(work: Maintenance, progress: Progress | None) -> Iterator[Finding]:
    """Neo4j's own checker, with the server stopped in good order."""
    server = work.server
    if not server.files.arguments.exists():
        work.start()
    work.stop()
    if progress:
        progress("checking Neo4j's files", 0, None)
    arguments = ("database", "check", "neo4j", f"--report-path={server.files.logs}")
    done = run_admin(server.files, server.class_archive(), *arguments)
    if _UNCLEAN in done.stdout + done.stderr:  # it was killed last time; a start recovers it
        work.start()
        work.stop()
        done = run_admin(server.files, server.class_archive(), *arguments)
    output = done.stdout + done.stderr
    if done.returncode == 0:
        return
    if _INCONSISTENT not in output:
        raise admin_failure(server.files, "check the files", output)
    counts = ", ".join(f"{number} {kind.lower()} records" for kind, number in _COUNT.findall(output))
    report = _REPORT.search(output)
    where = report[1] if report else str(server.files.logs)
    yield Finding("files", where, f"Neo4j's files contradict each other: {counts or 'see there'}; load a backup")


def _check_payloads(
    named: dict[str, str], payloads: PayloadPlace, progress: Progress | None
) -> Iterator[tuple[str, Finding]]:
    for done, (sha256, unit) in enumerate(named.items()):
        try:
            with payloads.open(sha256) as stream:
                while stream.read(_CHUNK):
                    pass
        except PayloadMissing as error:
            yield sha256, Finding("payload missing", unit, str(error))
        except PayloadCorrupt as error:
            yield sha256, Finding("payload corrupt", unit, str(error))
        if progress:
            progress("reading the payloads", done + 1, len(named))


def _still_named(server: LocalServer, suspects: Iterable[tuple[str, Finding]]) -> list[Finding]:
    """Without those that were purged while they were read."""
    with server.join() as lease, lease.passage(), store_at(lease.renew()) as store:
        named = {row["sha256"] for row in store.stream("store/list_payloads")}
    return [finding for sha256, finding in suspects if sha256 in named]
