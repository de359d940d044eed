# SPDX-License-Identifier: Apache-2.0
"""Many and long random sequences of unit, version and policy operations, against the in-memory model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.store.test_units_model import drive

if TYPE_CHECKING:
    from memwalk.store import Store


def test_the_store_agrees_with_the_model_for_long(store: Store) -> None:
    """What `tests/store` shows with few sequences holds for many longer ones."""
    drive(store, examples=40, steps=50)
