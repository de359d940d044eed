# SPDX-License-Identifier: Apache-2.0
"""How a server is asked whether its database works, and ended when it does not.

A transaction that meets a full disk stops the database ("panic") with its record half in the log and a part of it still
in a buffer. A server that is then asked to end writes that buffer again if there is room by now, behind what is there
already: no Neo4j reads such a log, and the store is lost. Killed, it leaves a record without an end, which its next
start drops. So a server whose database has panicked is killed, never asked to end.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from memwalk.store.server._process import HOST, STOP_SECONDS, bolt_answers, kill_process, stop_process

if TYPE_CHECKING:
    from collections.abc import Callable

    from memwalk.store.server._files import Files, Record

__all__ = ["USERNAME", "ask", "end_server", "has_panicked"]

USERNAME = "neo4j"
_ASK_SECONDS = 10.0

logger = logging.getLogger("memwalk.store")


def ask(files: Files, record: Record) -> None:
    """Run a query that does nothing; raises the driver's errors."""
    import neo4j

    uri = f"bolt://{HOST}:{record.bolt_port}"
    auth = (USERNAME, files.read_line(files.password))
    with (
        neo4j.GraphDatabase.driver(uri, auth=auth, connection_timeout=5.0, telemetry_disabled=True) as driver,
        driver.session(database="neo4j") as session,
    ):
        session.run("RETURN 1").consume()


def has_panicked(files: Files, record: Record) -> bool:
    """Whether the server says that its database stopped on a critical error; one that says nothing has not."""
    said: list[bool] = []
    # A server that hangs never answers, and the driver waits for ever.
    asking = threading.Thread(target=lambda: said.append(_says_panic(files, record)), daemon=True)
    asking.start()
    asking.join(_ASK_SECONDS)
    return said == [True]


def _says_panic(files: Files, record: Record) -> bool:
    if not bolt_answers(record.bolt_port):
        return False
    from neo4j.exceptions import DatabaseError, DriverError, Neo4jError

    try:
        ask(files, record)
    except DatabaseError as error:
        logger.warning("process %d (Neo4j) is killed, its database has stopped: %s", record.pid, error.message)
        return True
    except (DriverError, Neo4jError) as error:
        logger.debug("no answer: %s", error)
    return False


def end_server(files: Files, record: Record, alive: Callable[[], bool]) -> None:
    """Ask a server to end, or kill it if its database has panicked.

    Parameters
    ----------
    files : Files
    record : Record
    alive : callable
        Whether it still lives.
    """
    if alive() and has_panicked(files, record):
        kill_process(record.pid, alive)
    stop_process(record.pid, alive, STOP_SECONDS)
