# SPDX-License-Identifier: Apache-2.0
"""The walk graph of the present: mapped from this machine's files, brought up to date, and packed into them again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from memwalk.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.progress import Progress
    from memwalk.store import Store
    from memwalk.walk import Manifest, Snapshot, SnapshotFolder, WalkGraph

__all__ = ["PresentGraph", "delete_walk_files"]

SHARE = 0.125
"""Of a snapshot's nodes: when so many units were read since it was packed, it is packed anew. Packing costs what the
graph is, so a change bears eight times what packing one unit costs: far less than reading that unit did."""
FEW = 1_000
"""Units that are read as quickly as any: so many may always have changed."""

_ERASING = ("purge", "discard imports")
"""Operations after which nothing that was written before them may be left."""

logger = logging.getLogger("memwalk.walk")


class _Place(NamedTuple):
    """A place in the change sequence, as the store has it."""

    hash: str | None
    is_erased: bool
    """Whether something of what was there then was purged since."""


class PresentGraph:
    """The walk graph of a store's present, one for all of a session's principals.

    Its snapshots are a cache beside the store. One is used if the store's change at its watermark has the hash that it
    names, and nothing was purged since; any other is deleted on sight. It is written when there was none, when `SHARE`
    of it has changed, and after a purge. What goes wrong with files costs time and a warning, no more.

    Parameters
    ----------
    folder : Path, optional
        Where snapshots lie, by the store's uuid; None: none are kept.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._files: SnapshotFolder | None = None
        self._graph: WalkGraph | None = None
        self._generation = 0
        """Of the database that it was read from."""
        self._known: Manifest | None = None
        """Of the snapshot that this history is known by."""
        self._read = 0
        """Units read since it was packed."""

    def get(self, store: Store, progress: Progress | None = None) -> WalkGraph:
        """The graph, up to date; one thread at a time."""
        graph, self._graph = self._graph, None  # not kept if it is left half caught up
        if graph is not None and self._generation == store.data_generation:
            graph = self._follow(store, graph)
        if graph is None or self._generation != store.data_generation:  # it may only have been noticed meanwhile
            self._generation = store.data_generation
            graph = self._open(store, progress)
        self._graph = graph
        return graph

    def delete_files(self, store: Store) -> None:
        """Delete what this machine holds of the store's walk graph in files, after a purge.

        Raises
        ------
        ConfigurationError
        """
        if self._folder is not None:
            _delete(self._folder / store.read("store/get_store")[0]["uuid"])

    def _open(self, store: Store, progress: Progress | None) -> WalkGraph:
        from memwalk.walk import SnapshotFolder, WalkGraph, load_walk_graph

        self._known, self._read = None, 0
        if self._folder is not None:
            self._files = SnapshotFolder(self._folder / store.read("store/get_store")[0]["uuid"])
        snapshot = self._mapped(store)
        if snapshot is not None:
            return self._follow(store, WalkGraph(snapshot))
        return self._packed(store, load_walk_graph(store, progress))

    def _follow(self, store: Store, graph: WalkGraph) -> WalkGraph:
        from memwalk.walk import catch_up

        before = graph.watermark
        count = catch_up(store, graph)
        self._read += count
        if self._read > max(FEW, SHARE * graph.nodes.base) or (count and _place(store, before).is_erased):
            return self._packed(store, graph)
        return graph

    def _packed(self, store: Store, graph: WalkGraph) -> WalkGraph:
        """The same without overlay and without what is gone, mapped from files if they can be written."""
        from memwalk.walk import WalkGraph

        self._read = 0
        snapshot = self._written(store, graph)
        if snapshot is None and graph.watermark == graph.snapshot.watermark:
            return graph
        return WalkGraph(snapshot or graph.packed())

    def _mapped(self, store: Store) -> Snapshot | None:
        if self._files is None:
            return None
        try:
            for manifest in self._usable(store, self._files):
                snapshot = self._files.load(manifest)
                if snapshot is not None:
                    self._known = manifest
                    return snapshot
        except OSError as error:
            logger.warning("the walk graph is read from the store, its files cannot be used: %s", error)
        return None

    def _written(self, store: Store, graph: WalkGraph) -> Snapshot | None:
        """The snapshot of a graph, or a newer one by another process, mapped."""
        if self._files is None:
            return None
        try:
            # A purge deletes under the same lock when it is committed: so what is written here it finds, or is
            # found by `_place`.
            with self._files.locked() as is_alone:
                if not is_alone:
                    return None
                held = self._usable(store, self._files)
                if not held or held[0].watermark < graph.watermark:
                    place = _place(store, graph.watermark)
                    if not place.hash or place.is_erased or not self._is_same_history(store):
                        return None
                    is_packed = graph.watermark == graph.snapshot.watermark
                    saved = self._files.save(graph.snapshot if is_packed else graph.packed(), place.hash)
                    for manifest in held:
                        self._files.delete(manifest.watermark)
                    held = [saved]
                self._known = held[0]
                return self._files.load(held[0])
        except OSError as error:
            logger.warning("the walk graph is not kept in files: %s", error)
            return None

    def _usable(self, store: Store, files: SnapshotFolder) -> list[Manifest]:
        """Those of this store's history from which nothing was purged, newest first; others are deleted."""
        found = []
        for manifest in files.manifests():
            place = _place(store, manifest.watermark)
            if place.hash == manifest.change and not place.is_erased:
                found.append(manifest)
            else:
                files.delete(manifest.watermark)
        return found

    def _is_same_history(self, store: Store) -> bool:
        """Whether the store is still the one that the graph was read from."""
        known = self._known
        is_known = known is None or _place(store, known.watermark).hash == known.change
        return is_known and self._generation == store.data_generation


def delete_walk_files(directory: Path) -> None:
    """Delete the walk graphs of whatever stores a data directory held.

    Raises
    ------
    ConfigurationError
    """
    folder = directory / "walk"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        _delete(path)


def _delete(folder: Path) -> None:
    from memwalk.walk import SnapshotFolder

    try:
        SnapshotFolder(folder).clear()
    except OSError as error:
        expected = f"a folder that can be emptied: it may hold what is gone from the store, delete it ({error})"
        raise ConfigurationError("walk graph", str(folder), expected) from error


def _place(store: Store, watermark: int) -> _Place:
    row = store.read("store/get_change", seq=watermark, operations=list(_ERASING))[0]
    return _Place(row["hash"], row["is_followed"])
