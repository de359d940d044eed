# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C at any moment of a read or a write: told as what it is, and the store goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from memwalk.errors import QueryFailed

if TYPE_CHECKING:
    from memwalk.store import Store

MOMENTS = 240
STRUCK = """
import json, signal, sys
from contextlib import suppress
from memwalk.cli._errors import interrupt
from memwalk.config import StoreSettings
from memwalk.store import Store

moments, longest = int(sys.argv[1]), 0.012  # seconds
signal.signal(signal.SIGALRM, interrupt)
store = Store.connect(StoreSettings(**json.loads(sys.stdin.read())))
told = []
for moment in range(1, moments + 1):
    def work(tx):
        for part in "abc":
            tx.run("policy/create_principal", id=f"p-{moment:03}{part}", kind="user", at=tx.at)
        tx.touch(f"p-{moment:03}")
    try:
        signal.setitimer(signal.ITIMER_REAL, longest * moment / moments if moment < moments else 0)
        store.read("policy/list_principals")
        store.write(work, operation="test", principal="")
        signal.setitimer(signal.ITIMER_REAL, 0)
        told.append("done")
    except BaseException as error:
        told.append("stopped" if isinstance(error, KeyboardInterrupt) else type(error).__name__)
print(json.dumps(told))
with suppress(RuntimeError):  # struck while it opens a connection, the driver's pool counts wrong
    store.close()
"""
"""Reads and writes, struck by a signal at moments through them; the last is left alone."""


def test_an_interruption_is_never_told_as_an_error(store: Store) -> None:
    """At moments through reads and writes, as by the command line's Ctrl-C: done, or stopped.

    What is there is whole, and numbered.
    """
    first = store.watermark()
    given = json.dumps(asdict(store._settings))
    command = [sys.executable, "-c", STRUCK, str(MOMENTS)]
    told = json.loads(subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout)
    assert set(told) == {"done", "stopped"}
    query = "MATCH (p:Principal) WHERE p.id STARTS WITH 'p-' RETURN left(p.id, 5) AS name, count(*) AS parts"
    rows = store.run_text(query, {}, write=False, limit=MOMENTS)[1]
    assert {parts for _, parts in rows} == {3}
    assert len(store.changes(first)) == len(rows) >= told.count("done")


def test_an_error_while_an_interruption_is_handled_is_told(store: Store) -> None:
    """What fails after a Ctrl-C was caught is an error of its own."""

    def clean_up() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            store.run_text("RETURN nosuch", {}, write=False, limit=1)

    with pytest.raises(QueryFailed, match="nosuch"):
        clean_up()
