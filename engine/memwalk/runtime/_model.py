# SPDX-License-Identifier: Apache-2.0
"""One shared model: who may use it now, what is attached to it, and one step through it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from threading import Lock, RLock
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch

from memwalk.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import Cache, PreTrainedModel

    from memwalk.models import LanguageModel

__all__ = ["ModelState", "check_length", "context_length", "forward", "state_of"]


@dataclass
class ModelState:
    """What is true of one loaded model at the moment.

    Attributes
    ----------
    lock
        Held for one forward pass, or for as long as an adapter stays attached.
    attached
        Identities of the attached adapters.
    """

    lock: RLock = field(default_factory=RLock)
    attached: tuple[str, ...] = ()


_states: WeakKeyDictionary[PreTrainedModel, ModelState] = WeakKeyDictionary()
_states_lock = Lock()


def state_of(lm: LanguageModel) -> ModelState:
    """The state of a model, one for each model in the process."""
    with _states_lock:
        return _states.setdefault(lm.model, ModelState())


def context_length(lm: LanguageModel) -> int | None:
    """Most tokens the model can attend to, if it says so."""
    limit = getattr(lm.model.config.get_text_config(), "max_position_embeddings", None)
    return limit if isinstance(limit, int) else None


def check_length(lm: LanguageModel, tokens: int) -> None:
    """Refuse what the model cannot attend to.

    Raises
    ------
    InvalidArgument
        Nothing at all, or more tokens than the model's context.
    """
    limit = context_length(lm)
    if tokens < 1 or (limit is not None and tokens > limit):
        raise InvalidArgument("ids", f"{tokens} tokens", f"1 to {limit} tokens, the context of {lm.name}")


def forward(lm: LanguageModel, ids: Sequence[int], cache: Cache, keep: int) -> torch.Tensor:
    """Run tokens through the model behind a cache, which grows by them.

    Parameters
    ----------
    lm : LanguageModel
    ids : sequence of int
        At least one.
    cache : Cache
        Keys and values of what came before; changed.
    keep : int
        The logits of how many last positions to compute.

    Returns
    -------
    Tensor
        float32, ``[keep, vocabulary]``, on the CPU.
    """
    assert 1 <= keep <= len(ids)
    inputs = torch.tensor([list(ids)], dtype=torch.long, device=lm.device)
    saving = {"logits_to_keep": keep} if "logits_to_keep" in inspect.signature(lm.model.forward).parameters else {}
    with torch.inference_mode():
        logits = lm.model(input_ids=inputs, past_key_values=cache, use_cache=True, **saving).logits
    kept: torch.Tensor = logits[0, -keep:].float().cpu()
    return kept
