# SPDX-License-Identifier: Apache-2.0
"""Neo4j's driver: opened with our settings, its errors told in our words."""

from __future__ import annotations

import asyncio
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import neo4j
from neo4j import exceptions as driver_errors

from memwalk.errors import (
    AuthenticationFailed,
    InvalidArgument,
    QueryFailed,
    StorageFull,
    StoreBusy,
    StoreUnavailable,
)
from memwalk.progress import interruption
from memwalk.store._disk import is_full

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memwalk.config import StoreSettings

__all__ = ["RETRY_SECONDS", "open_driver", "open_session", "translated"]

RETRY_SECONDS = 30.0
"""How long a write that lost against another is tried again."""
_UNKNOWN = "this was written whole or not at all, which shows when the store is next opened"
_SCHEMES = {"bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc"}


def open_driver(settings: StoreSettings) -> neo4j.Driver:
    """A driver; it has not yet connected.

    Raises
    ------
    InvalidArgument
        The URI is not one it understands.
    """
    if settings.uri.partition("://")[0] not in _SCHEMES:  # the driver's HTTP is a preview with its own needs
        raise InvalidArgument("NEO4J_URI", settings.uri, "a Bolt address such as bolt://localhost:7687")
    try:
        return neo4j.GraphDatabase.driver(
            settings.uri,
            auth=(settings.username, settings.password),
            connection_timeout=settings.connect_seconds,
            connection_acquisition_timeout=settings.connect_seconds,
            max_transaction_retry_time=RETRY_SECONDS,
            notifications_min_severity="OFF",
            user_agent="memwalk",
        )
    except (driver_errors.ConfigurationError, ValueError) as error:
        raise InvalidArgument("NEO4J_URI", settings.uri, f"a Neo4j address ({error})") from None


@contextmanager
def open_session(driver: neo4j.Driver, **configuration: Any) -> Iterator[neo4j.Session]:
    """A session that Ctrl-C may end at any point.

    A connection stopped within a message cannot say goodbye: the driver's try to would hide the interruption
    behind an error of its own. So it is cut, and the server rolls back.
    """
    outer = sys.exc_info()[1]
    try:
        with driver.session(**configuration) as session:
            try:
                yield session
            except BaseException as error:
                if interruption(error, outer):
                    session.__exit__(asyncio.CancelledError, None, None)  # type: ignore[no-untyped-call]  # left untyped
                raise
    except BaseException as error:
        if stopped := interruption(error, outer):
            raise stopped from None
        raise


@contextmanager
def translated(query: str, uri: str, username: str, disk: Path | None) -> Iterator[None]:
    """Raise the driver's errors as ours.

    Parameters
    ----------
    query : str
        What is being done.
    uri, username : str
    disk : Path, optional
        Where a local server keeps its data.
    """
    try:
        yield
    except driver_errors.AuthError:
        raise AuthenticationFailed(uri, username) from None
    except (driver_errors.ServiceUnavailable, driver_errors.SessionExpired) as error:
        if disk and is_full(disk):  # a server whose database it stopped is killed
            raise StorageFull(disk, _UNKNOWN) from error
        raise StoreUnavailable(uri, str(error).splitlines()[0].rstrip(": ")) from error
    except driver_errors.ClientError as error:
        raise QueryFailed(query, error.code or "", error.message or "") from error
    except driver_errors.Neo4jError as error:
        text = f"{error.code}: {error.message}"
        if "space left" in text or (disk and is_full(disk)):
            raise StorageFull(disk or uri, _UNKNOWN) from error
        if "needs to be restarted" in text:
            detail = "its database stopped on a critical error; `memwalk db stop`, and it starts again when next opened"
            raise StoreUnavailable(uri, detail) from error
        if error.is_retryable():
            raise StoreBusy(f"{query}: {text}") from error
        raise QueryFailed(query, error.code or "", error.message or "") from error
    except driver_errors.DriverError as error:
        raise StoreUnavailable(uri, str(error)) from error
