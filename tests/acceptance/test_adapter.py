# SPDX-License-Identifier: Apache-2.0
"""Adapters on the real model: what a text says is learnt, from that text alone, and goes when it is detached.

The evidence is false on purpose, so that the base cannot know it. Nothing but its text is trained on: never
the data's own question, rephrasing or answer.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch

from memwalk.runtime import attached, load_adapter, log_probability, train_adapter

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.memory._session import Models
    from memwalk.runtime import Adapter

UNITS = 10
PROBE = list(range(1000, 1064))


@pytest.fixture(scope="module")
def units(data: Path) -> list[dict[str, str]]:
    """The first ten cases of zsRE with evidence."""
    path = data / "zsre" / "zsre_mend_train-evidence-1k.json"
    cases: list[dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return cases[:UNITS]


@pytest.fixture(scope="module")
def before(models: Models) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """The base's weights and logits before any adapter."""
    weights = {name: tensor.clone() for name, tensor in models.language.model.state_dict().items()}
    return weights, models.language.model(torch.tensor([PROBE])).logits


@pytest.fixture(scope="module")
def adapters(
    models: Models, units: list[dict[str, str]], before: tuple[dict[str, torch.Tensor], torch.Tensor]
) -> list[Adapter]:
    """One adapter of each unit's evidence."""
    assert before
    language = models.language
    return [load_adapter(train_adapter(language, [u["fake_evidence"]], models.parser), language) for u in units]


def test_adapters_answer_unseen_questions(models: Models, units: list[dict[str, str]], adapters: list[Adapter]) -> None:
    """For most units the new answer to a question never trained on is likelier than with no or another adapter."""
    language, prompt = models.language, models.prompt
    won, told = 0, []
    for number, unit in enumerate(units):
        ids, answer = prompt.prompt([], unit["rephrase"]), prompt.answer(unit["alt"])
        base = log_probability(language, ids, answer)
        own = log_probability(language, ids, answer, adapter=adapters[number])
        other = log_probability(language, ids, answer, adapter=adapters[(number + 1) % UNITS])
        won += own > base and own > other
        told.append(f"{unit['subject']}: base {base:.2f}, own {own:.2f}, another's {other:.2f}")
    assert won >= 8, "\n".join(told)


def test_nothing_stays(
    models: Models, adapters: list[Adapter], before: tuple[dict[str, torch.Tensor], torch.Tensor]
) -> None:
    """After training, attaching and detaching, weights and logits are bit by bit the base's."""
    model = models.language.model
    weights, logits = before
    with attached(models.language, adapters[0]):
        assert not torch.equal(model(torch.tensor([PROBE])).logits, logits)
    assert torch.equal(model(torch.tensor([PROBE])).logits, logits)
    after = model.state_dict()
    assert list(after) == list(weights)
    assert all(torch.equal(weights[name], after[name]) for name in weights)
