# SPDX-License-Identifier: Apache-2.0
"""The same graph from another machine: what is kept beside the store is a cache, and an empty one changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save
from tests.exchange_world import members
from tests.second_machine import elsewhere, rankings

import memwalk
from memwalk.units import NewUnit, new_id, put_units, record_activity

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.config import Settings
    from memwalk.memory import Memory
    from memwalk.memory._session import Models
    from memwalk.store import Store

DOCUMENTS = {
    "bridge.md": "# Pont Neuf\n\nThe Pont Neuf was finished under King Henry IV of France. It crosses the Seine.",
    "king.md": "# Henry IV of France\n\nHenry IV of France was born in Pau. His mother was Jeanne d'Albret.",
    "home/secret.md": "# Jeanne d'Albret\n\nJeanne d'Albret hid the Seine papers in Pau, in the house of a baker.",
    "home/baker.md": "# The baker\n\nThe baker of Pau crossed the Pont Neuf with papers for the king.",
}
QUESTIONS = ("Where was the king under whom the Pont Neuf was finished born?", "Who hid the papers?", "the Seine")
WHO = ("owner", "alice", "bob")


def fill(memory: Memory, folder: Path) -> None:
    """Two spaces, a note with a payload, and people who may read all, one space, and nothing."""
    memory.create_space("home")
    for place, text in DOCUMENTS.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        memory.add(path, space="home" if path.parent.name == "home" else "default")
        memory.search("the king")  # so that its graph grows by changes, as the other's does not
    payload = memory._session.payloads.put(save({"x": np.arange(10, dtype=np.float32)}))
    note = NewUnit(new_id(), "Note", "lamps", "Lamps for the bridge.", space="default", version={"payload": payload})
    memory._session.store.write(
        lambda tx: put_units(tx, record_activity(tx, memory.principal, "test"), [note]),
        operation="test",
        principal=memory.principal,
    )
    for who in WHO[1:]:
        memory.create_principal(who)
    memory.grant("alice", "reader", space="default")


def test_another_machine_ranks_the_same(store: Store, settings: Settings, models: Models, tmp_path: Path) -> None:
    """Results for three principals, to the last bit of scores and paths, and the export of all with its payload."""
    reached = replace(store._settings, payloads=(tmp_path / "bucket").as_uri())
    asked = [(who, question) for who in WHO for question in QUESTIONS]
    here = replace(settings, store=reached, directory=tmp_path / "here")
    with memwalk.open(reached.uri, settings=here) as memory:
        memory._session.models = models
        fill(memory, tmp_path)
        mine = rankings(memory, asked)
        memory.export(tmp_path / "export.zip")
    cache = settings.cache_directory() / "models"
    other = elsewhere(tmp_path / "elsewhere", reached, asked, models=cache)
    assert other["rankings"] == mine
    assert [len(found) for found in mine] == [5, 5, 5, 3, 3, 3, 0, 0, 0]
    assert members(tmp_path / "elsewhere" / "export.zip") == members(tmp_path / "export.zip")
    assert any(name.startswith("payloads/") for name in members(tmp_path / "export.zip"))
    data = tmp_path / "elsewhere" / ".local" / "share" / "memwalk" / "store"
    assert not list(data.rglob("*.safetensors"))
    (log,) = data.glob("audit/*/reads.jsonl")
    assert len(log.read_text(encoding="utf-8").splitlines()) > len(asked)
