# SPDX-License-Identifier: Apache-2.0
"""Documents whose sources vanished: found by their addresses, and retired."""

from __future__ import annotations

import errno
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

from memwalk import policy
from memwalk.errors import SourceError, SourceNotReadable
from memwalk.store import FOREVER
from memwalk.units import UnitChange, lock_units, record_activity, retire_units, update_units

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from memwalk.ingest.sources import Source
    from memwalk.store import Store, Transaction

__all__ = ["Vanished", "find_vanished", "retire_documents"]

_NOT_TOLD = "so what vanished from there cannot be told; nothing was added or retired"


class Vanished(NamedTuple):
    """A document whose source is there no longer, at the version that was seen."""

    id: str
    seq: int


def find_vanished(
    store: Store, space: str, paths: Iterable[Path], sources: Sequence[Source | SourceError]
) -> list[Vanished]:
    """The live documents of a space that came from at or below some paths, and whose sources are gone.

    Gone is a file that is there no longer, and a row of a file that was read and does not have it any more.
    What could not be read, and what is there but was left out (a hidden file), has not vanished.

    Parameters
    ----------
    store : Store
    space : str
    paths : iterable of Path
        Files and folders.
    sources : sequence of Source or SourceError
        What was found there.

    Raises
    ------
    SourceError
        A path is not there, is empty, or cannot be read: what vanished cannot be told.
    """
    tops = list(paths)
    refused = {source.path: source for source in sources if isinstance(source, SourceError)}
    read = {source.uri for source in sources if not isinstance(source, SourceError)}
    files = {_file_of(uri) for uri in read}
    for top in tops:
        if str(top) in refused and top.resolve().as_uri() not in files:
            raise type(refused[str(top)])(top, _NOT_TOLD)
    files -= {Path(path).resolve().as_uri() for path in refused}
    found: dict[str, Vanished] = {}
    for top in tops:
        address = top.resolve().as_uri()
        rows = store.read(
            "units/list_documents_below",
            space=space,
            uri=address,
            prefixes=[f"{address.removesuffix('/')}/", f"{address}#"],
        )
        for row in rows:
            if row["uri"] not in read and (_file_of(row["uri"]) in files or _is_gone(row["uri"])):
                found[row["id"]] = Vanished(row["id"], row["seq"])
    return sorted(found.values())


def retire_documents(
    store: Store, principal: str, space: str, documents: Sequence[Vanished], *, most: int
) -> tuple[int, int]:
    """Retire documents with their passages and what only these evidenced.

    One that was changed since, or that the principal may not write, is left alone. A transaction retires documents
    of `most` passages together. One that alone has more is marked as unfinished, loses as many a transaction, and is
    retired with the last: stopped half way it is there, and not what its source was, so it vanishes with the next
    `add --prune`, or is written again if the source came back.

    Returns
    -------
    documents, passages
        How many.
    """
    rows = store.read("units/count_parts", ids=[document.id for document in documents], forever=FOREVER)
    counts = {row["id"]: row["count"] for row in rows}
    group: list[Vanished] = []
    done: list[tuple[int, int]] = []
    for document in documents:
        count = counts.get(document.id, 0)
        if count > most:
            done.append(_retire_long(store, principal, space, document, most))
            continue
        if sum(counts.get(one.id, 0) for one in group) + count > most:
            done.append(_retire(store, principal, space, group))
            group = []
        group.append(document)
    if group:
        done.append(_retire(store, principal, space, group))
    return sum(count for count, _ in done), sum(count for _, count in done)


def _retire(store: Store, principal: str, space: str, documents: Sequence[Vanished]) -> tuple[int, int]:
    """Retire documents in one transaction."""

    def work(tx: Transaction) -> tuple[int, int]:
        ids = _as_seen(tx, principal, space, documents)
        if not ids:
            return 0, 0
        parts = sorted({row["id"] for row in tx.run("units/list_parts", ids=ids, forever=FOREVER)})
        activity = record_activity(tx, principal, "prune", space)
        retire_units(tx, activity, [*ids, *parts])
        return len(ids), len(parts)

    return store.write(work, operation="prune", principal=principal)


def _retire_long(store: Store, principal: str, space: str, document: Vanished, most: int) -> tuple[int, int]:
    """Retire a document part by part."""

    def begin(tx: Transaction) -> int:
        if not _as_seen(tx, principal, space, [document]):
            return 0
        activity = record_activity(tx, principal, "prune", space)
        change = UnitChange(*document, {"properties": {"unfinished": "prune"}})
        return update_units(tx, activity, [change])[document.id]

    def retire(tx: Transaction, ids: Sequence[str], seq: int) -> int:
        if not _as_seen(tx, principal, space, [Vanished(document.id, seq)]):
            return 0
        retire_units(tx, record_activity(tx, principal, "prune", space), ids)
        return len(ids)

    seq = store.write(begin, operation="prune", principal=principal)
    if not seq:
        return 0, 0
    rows = store.read("units/list_parts", ids=[document.id], forever=FOREVER)
    going = [*sorted({row["id"] for row in rows}), document.id]
    gone = 0
    for start in range(0, len(going), most):
        work = partial(retire, ids=going[start : start + most], seq=seq)
        count = store.write(work, operation="prune", principal=principal)
        if not count:  # somebody adds it again
            return 0, gone
        gone += count
    return 1, gone - 1


def _as_seen(tx: Transaction, principal: str, space: str, documents: Sequence[Vanished]) -> list[str]:
    """Begin to retire: lock documents that the principal may write; returns the live ones at the versions seen."""
    policy.require_role(tx, principal, "writer", space)
    tx.tell(space=space)
    held = lock_units(tx, _writable(tx, principal, [document.id for document in documents]))
    seen = dict(documents)
    return [unit.id for unit in held.values() if unit.state == "live" and unit.seq == seen[unit.id]]


def _writable(tx: Transaction, principal: str, ids: Sequence[str]) -> list[str]:
    """Those of these units that a principal may write."""
    rights, classes = policy.rights_of(tx, principal), policy.readable_classes(tx, principal)
    rows = tx.run("policy/list_unit_rights", ids=list(ids), classes=classes)
    return [row["id"] for row in rows if row["right"] and rights.allows("writer", row["right"])]


def _file_of(uri: str) -> str:
    """The address of the file that a document came from, itself or as a row."""
    return uri.partition("#")[0]


def _is_gone(uri: str) -> bool:
    """Whether the file of a document is there no longer."""
    address = urlsplit(_file_of(uri))
    if address.scheme != "file":
        return False
    path = Path(url2pathname(address.path))
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except PermissionError:
        raise SourceNotReadable(path, _NOT_TOLD) from None
    except OSError as error:
        raise SourceNotReadable(path, f"{errno.errorcode.get(error.errno or 0, error)}: {_NOT_TOLD}") from None
    return False
