# SPDX-License-Identifier: Apache-2.0
"""The store: every read and write of the graph goes through here."""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

import neo4j
from neo4j import exceptions as driver_errors

from memwalk.config import StoreSettings
from memwalk.errors import InvalidArgument
from memwalk.store._chain import chain_hash
from memwalk.store._driver import RETRY_SECONDS, open_driver, open_session, translated
from memwalk.store._queries import load_query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from memwalk.store.server import Generation, Lease

__all__ = ["FOREVER", "Change", "Reader", "Store", "Transaction"]

T = TypeVar("T")
Row = dict[str, Any]

FOREVER = 2**63 - 1
"""`tx_to` of what is so now (ms): a far-future sentinel, because null cannot be in an index range."""

_SCHEMA_ATTEMPTS = 8

logger = logging.getLogger("memwalk.store")


class Reader(Protocol):
    """What named queries are read through: a store, or a transaction under way."""

    def read(self, name: str, /, **parameters: Any) -> list[Row]:
        """Run a named query and return its rows."""


@dataclass(frozen=True, slots=True)
class Change:
    """One committed write, as the change sequence tells it."""

    seq: int
    at: int
    """ms since the epoch."""
    operation: str
    principal: str
    detail: dict[str, Any]
    units: tuple[str, ...]
    """Ids of what was changed, sorted."""

    @classmethod
    def of(cls, row: Row) -> Change:
        """A change as a query returns it."""
        return cls(
            seq=row["seq"],
            at=row["at"],
            operation=row["operation"],
            principal=row["principal"] or "",
            detail=json.loads(row["detail"] or "{}"),
            units=tuple(row["units"]),
        )


class Transaction:
    """One write transaction. Made by `Store.write`."""

    def __init__(self, tx: neo4j.ManagedTransaction, at: int, principal: str) -> None:
        self._tx = tx
        self.at = at
        """Time of this transaction (ms since the epoch), the same for all it writes."""
        self.principal = principal
        """On whose behalf."""
        self._touched: set[str] = set()
        self._detail: dict[str, Any] = {}

    def run(self, name: str, /, **parameters: Any) -> list[Row]:
        """Run a named query and return its rows."""
        return _rows(self._tx, name, parameters)

    read = run

    def touch(self, *ids: str) -> None:
        """Name units (or principals, spaces) this transaction changes; they go into the change sequence."""
        self._touched.update(ids)

    def tell(self, **facts: Any) -> None:
        """Add facts to the audit record of this transaction; never what a unit says."""
        self._detail.update(facts)

    @property
    def detail(self) -> str:
        """The facts told, as canonical JSON."""
        return json.dumps(self._detail, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @property
    def touched(self) -> list[str]:
        """What was touched, sorted."""
        return sorted(self._touched)


class Store:
    """A graph in a Neo4j database.

    Parameters
    ----------
    driver : neo4j.Driver
    database : str
    uri : str
        Shown in errors.
    username : str
        Shown in errors.
    owned : bool
        Close the driver with the store.
    disk : Path, optional
        Where a local server keeps its data, to tell a full disk from other failures.
    lease : Lease, optional
        On a local server: operations wait for its maintenance, and find it again afterwards.
    settings : StoreSettings, optional
        How to connect again.
    """

    def __init__(
        self,
        driver: neo4j.Driver,
        database: str = "neo4j",
        *,
        uri: str = "",
        username: str = "",
        owned: bool = False,
        disk: Path | None = None,
        lease: Lease | None = None,
        settings: StoreSettings | None = None,
    ) -> None:
        self._driver = driver
        self._owned = owned
        self.database = database
        self.uri = uri
        self.username = username
        self.disk = disk
        self.queries_sent = 0
        self._lease = lease
        self._settings = settings or StoreSettings()
        self._generation = lease.generation if lease else None
        self._renewing = threading.Lock()

    @classmethod
    def connect(cls, settings: StoreSettings, disk: Path | None = None, lease: Lease | None = None) -> Store:
        """Connect to the Neo4j at `settings.uri` and wait for its first answer.

        `disk` and `lease` are those of a local server: see `Store`.

        Raises
        ------
        StoreUnavailable
            Nothing answers there within `settings.connect_seconds`.
        AuthenticationFailed
            The user name or password is refused.
        InvalidArgument
            The URI is not one the driver understands.
        """
        driver = open_driver(settings)
        store = cls(
            driver,
            settings.database,
            uri=settings.uri,
            username=settings.username,
            owned=True,
            disk=disk,
            lease=lease,
            settings=settings,
        )
        try:
            with store._translated("connect"):
                driver.verify_connectivity()
        except ValueError as error:  # a port that is none
            driver.close()
            raise InvalidArgument("NEO4J_URI", settings.uri, f"a Neo4j address ({error})") from None
        except BaseException:
            driver.close()
            raise
        return store

    @property
    def data_generation(self) -> int:
        """Grows when the whole graph was replaced by another: what was read before is of no use then."""
        return self._generation.data if self._generation else 0

    def close(self) -> None:
        """Close the driver if this store made it."""
        if self._owned:
            self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # --- reading -----------------------------------------------------------------------------------

    def read(self, name: str, /, **parameters: Any) -> list[Row]:
        """Run a named query in a read transaction and return its rows."""
        with self._translated(name), self._session(neo4j.READ_ACCESS) as session:
            return session.execute_read(_rows, name, parameters)

    def stream(self, name: str, /, **parameters: Any) -> Iterator[Row]:
        """Run a named query and yield its rows as they come; memory does not grow with their number."""
        _check(name, parameters)
        with self._translated(name), self._session(neo4j.READ_ACCESS, fetch_size=5_000) as session:
            for record in session.run(load_query(name).text, parameters):
                # Not record.data(): it visits each number of a vector in Python, 20 times slower.
                yield dict(record.items())  # type: ignore[no-untyped-call]  # the driver left it untyped

    def run_text(
        self, text: str, parameters: Row, *, write: bool, limit: int
    ) -> tuple[list[str], list[list[Any]], bool]:
        """Run a person's own Cypher. Unless `write`, the server itself refuses to write.

        Returns
        -------
        columns, rows, more
            `more` tells that rows beyond `limit` were left out.
        """
        access = neo4j.WRITE_ACCESS if write else neo4j.READ_ACCESS
        with (
            self._translated("your query"),
            self._session(access, fetch_size=max(1, min(limit + 1, 1_000))) as session,
        ):
            with session.begin_transaction() as tx:
                result = tx.run(text, parameters)
                columns = list(result.keys())
                rows = [list(record.values()) for record in result.fetch(limit)]
                more = result.peek() is not None
                result.consume()
                if write:
                    tx.commit()
            return columns, rows, more

    def watermark(self) -> int:
        """The number of the latest change that is seen whole; 0 before the first.

        A commit shows piece by piece: its numbers before its index entries, or after. So this waits for
        the lock that writers hold until all of their commit is there. It takes no number itself.
        """
        with self._translated("watermark"), self._session(neo4j.WRITE_ACCESS) as session:
            rows = session.execute_write(_rows, "store/get_watermark", {})
            return int(rows[0]["seq"]) if rows else 0

    @contextmanager
    def paused(self) -> Iterator[Reader]:
        """Let no write commit meanwhile, so that all that is read, by any reader, is of one moment.

        Writers wait, and so does `watermark`: for what is short, or cannot be done otherwise.

        Yields
        ------
        Reader
            One that needs no further connection.
        """
        name = "store/get_watermark"
        with self._translated(name), self._session(neo4j.WRITE_ACCESS) as session, session.begin_transaction() as tx:
            tx.run(load_query(name).text).consume()
            yield _Paused(tx)

    @contextmanager
    def passage(self) -> Iterator[None]:
        """Be past the gate of a local server for what belongs together: maintenance comes before or after all of it."""
        if self._lease is None:
            yield
            return
        with self._lease.passage() as generation:
            if generation != self._generation:
                self._renew(self._lease, generation)
            yield

    def changes(self, since: int, *, limit: int = 1_000) -> list[Change]:
        """The changes after a number, in order, without gap or repeat, each of them seen whole.

        Parameters
        ----------
        since : int
            The number of the last change seen; 0 for all.
        limit : int
            Most changes to return; the rest comes with the next call.
        """
        rows = self.read("store/list_changes", since=since, upto=self.watermark(), limit=limit)
        return [Change.of(row) for row in rows]

    # --- writing -----------------------------------------------------------------------------------

    def write(self, work: Callable[[Transaction], T], *, operation: str, principal: str) -> T:
        """Do `work` in one transaction: all of it or none.

        A change record with the next number of the change sequence is written last, so that a
        reader who follows the sequence sees each commit whole; it is the audit record as well, chained
        by hash to the one before. Transient failures, and uniqueness violations by a writer that was
        faster, run `work` again from the start.

        Parameters
        ----------
        work : callable
            Gets a `Transaction`; must not keep state between calls.
        operation : str
            What the change record calls it.
        principal : str
            On whose behalf; empty for memwalk's own.
        """

        def unit_of_work(managed: neo4j.ManagedTransaction) -> T:
            tx = Transaction(managed, time.time_ns() // 1_000_000, principal)
            result = work(tx)
            if tx.touched:
                _append_change(tx, operation)
            return result

        deadline = time.monotonic() + RETRY_SECONDS
        with self._translated(operation), self._session(neo4j.WRITE_ACCESS) as session:
            while True:
                try:
                    return session.execute_write(unit_of_work)
                except driver_errors.ConstraintError:
                    if time.monotonic() > deadline:
                        raise
                    logger.debug("%s: a faster writer created the same node; again", operation)

    def run_schema(self, statement: str) -> None:
        """Run one schema statement of a migration, that bears being run twice, in a transaction of its own."""
        with self._translated("migration"), self._session(neo4j.WRITE_ACCESS) as session:
            for attempt in range(_SCHEMA_ATTEMPTS):
                try:
                    session.run(statement).consume()
                    break
                except driver_errors.Neo4jError as error:
                    raced = error.is_retryable() or (error.code or "").endswith("AlreadyExists")
                    if not raced or attempt == _SCHEMA_ATTEMPTS - 1:
                        raise
                    logger.debug("schema: another client is faster (%s); again", error.code)
                    time.sleep(0.05 * 2**attempt * random.random())  # noqa: S311  # to part those who collided

    # --- inside ------------------------------------------------------------------------------------

    def _session(self, access: str, fetch_size: int = 1_000) -> AbstractContextManager[neo4j.Session]:
        self.queries_sent += 1
        return open_session(self._driver, database=self.database, default_access_mode=access, fetch_size=fetch_size)

    def _renew(self, lease: Lease, generation: Generation) -> None:
        with self._renewing:
            if generation == self._generation:
                return
            at = lease.renew()
            settings = replace(
                self._settings, uri=at.uri, username=at.username, password=at.password, database=at.database
            )
            driver = open_driver(settings)
            try:
                driver.verify_connectivity()
            except BaseException:
                driver.close()
                raise
            self.close()
            self._driver, self.uri, self.database = driver, at.uri, at.database
            self._generation = generation

    @contextmanager
    def _translated(self, query: str) -> Iterator[None]:
        with translated(query, self.uri, self.username, self.disk), self.passage():
            yield


class _Paused:
    """Reads while no write commits."""

    def __init__(self, tx: neo4j.Transaction) -> None:
        self._tx = tx

    def read(self, name: str, /, **parameters: Any) -> list[Row]:
        """Run a named query and return its rows."""
        return _rows(self._tx, name, parameters)


def _append_change(tx: Transaction, operation: str) -> None:
    """The next record of the change sequence; from here to the commit writers wait for one another."""
    last = tx.run("store/lock_counter")[0]
    record = {
        "seq": last["seq"] + 1,
        "at": tx.at,
        "operation": operation,
        "principal": tx.principal,
        "detail": tx.detail,
        "units": tx.touched,
    }
    tx.run("store/append_change", record=record, hash=chain_hash(last["hash"], record))


def _check(name: str, parameters: Row) -> None:
    missing = load_query(name).parameters ^ parameters.keys()
    if missing:
        raise InvalidArgument(
            "parameters",
            sorted(parameters),
            f"exactly those of {name}: {sorted(load_query(name).parameters)}",
        )


def _rows(tx: neo4j.ManagedTransaction | neo4j.Transaction, name: str, parameters: Row) -> list[Row]:
    _check(name, parameters)
    # Not .data(): it visits each number of a vector in Python, 20 times slower.
    return [dict(record.items()) for record in tx.run(load_query(name).text, parameters)]  # type: ignore[no-untyped-call]  # the driver left it untyped
