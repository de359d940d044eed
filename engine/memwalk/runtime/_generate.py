# SPDX-License-Identifier: Apache-2.0
"""Generating: a prompt, perhaps behind a KV prefix, perhaps under an adapter, streamed token by token."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import torch
from transformers import DynamicCache

from memwalk.errors import FingerprintMismatch, InvalidArgument
from memwalk.runtime._adapter import load_adapter
from memwalk.runtime._model import check_length, context_length, forward, state_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from transformers import PreTrainedTokenizerFast

    from memwalk.models import LanguageModel
    from memwalk.runtime._adapter import Adapter
    from memwalk.runtime._kv import KVPrefix

__all__ = ["Generation", "generate", "log_probability"]


class Generation:
    """An answer as it comes: an iterator over pieces of text. Nothing is computed before it is asked for.

    Attributes
    ----------
    ids : list of int
        The tokens so far, the end-of-turn token left out.
    prefilled : int
        Prompt tokens computed before the first new token.
    reused : int
        Prompt tokens whose keys and values came from the KV prefix.
    seconds_to_first_token : float or None
        From the first request for a piece to the first token; None before it.
    finished : str
        ``""`` while running, then ``"end"``, ``"stop"`` or ``"length"``.
    """

    def __init__(self, run: _Run, pieces: Iterator[str]) -> None:
        self._run = run
        self._pieces = pieces

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self._pieces)

    @property
    def ids(self) -> list[int]:
        return list(self._run.ids)

    @property
    def prefilled(self) -> int:
        return self._run.prefilled

    @property
    def reused(self) -> int:
        return self._run.reused

    @property
    def seconds_to_first_token(self) -> float | None:
        return self._run.seconds_to_first_token

    @property
    def finished(self) -> str:
        return self._run.finished


def generate(
    lm: LanguageModel,
    ids: Sequence[int],
    *,
    kv: KVPrefix | None = None,
    adapter: bytes | Adapter | None = None,
    max_new_tokens: int = 128,
    temperature: float = 0.0,
    seed: int = 0,
    stop: Sequence[str] = (),
) -> Generation:
    """Answer a prompt.

    Parameters
    ----------
    lm : LanguageModel
    ids : sequence of int
        The whole prompt, that of the KV prefix included.
    kv : KVPrefix, optional
        Must be what the prompt begins with; only the rest is computed.
    adapter : bytes or Adapter, optional
        Attached for each step and detached after it, however the iteration ends.
    max_new_tokens : int
    temperature : float
        0 takes the likeliest token each time.
    seed : int
        Of the sampling.
    stop : sequence of str
        Texts that end the answer and are left out of it.

    Raises
    ------
    InvalidArgument
        The prompt does not begin with the prefix, or does not fit the model's context.
    FingerprintMismatch
        The prefix or the adapter belongs to another model, or the prefix to other adapters.
    """
    if max_new_tokens < 1:
        raise InvalidArgument("max_new_tokens", max_new_tokens, "1 or more")
    if temperature < 0:
        raise InvalidArgument("temperature", temperature, "0 or more")
    limit = context_length(lm)
    check_length(lm, len(ids))
    if limit is not None:
        max_new_tokens = min(max_new_tokens, limit - len(ids) + 1)
    steps = _Steps(lm, ids, kv, adapter)
    run = _Run()
    tokens = _tokens(lm, steps, run, max_new_tokens, temperature, seed)
    return Generation(run, _stopped(_texts(lm.tokenizer, tokens), stop, run))


def log_probability(
    lm: LanguageModel,
    ids: Sequence[int],
    answer_ids: Sequence[int],
    *,
    kv: KVPrefix | None = None,
    adapter: bytes | Adapter | None = None,
) -> float:
    """Natural logarithm of the probability that the answer follows the prompt, summed over its tokens.

    Parameters
    ----------
    lm, ids, kv, adapter
        As in `generate`.
    answer_ids : sequence of int
        At least one.
    """
    if not answer_ids:
        raise InvalidArgument("answer_ids", [], "at least one token")
    check_length(lm, len(ids) + len(answer_ids))
    steps = _Steps(lm, ids, kv, adapter)
    logits = steps.step([*steps.rest, *answer_ids[:-1]], keep=len(answer_ids))
    chosen = logits.log_softmax(-1).gather(1, torch.tensor([[i] for i in answer_ids]))
    return float(chosen.double().sum())


class _Run:
    """What a generation has done so far."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.prefilled = 0
        self.reused = 0
        self.seconds_to_first_token: float | None = None
        self.finished = ""


class _Steps:
    """A model, a cache, and what must be attached for every step."""

    def __init__(
        self, lm: LanguageModel, ids: Sequence[int], kv: KVPrefix | None, adapter: bytes | Adapter | None
    ) -> None:
        self._lm = lm
        self._state = state_of(lm)
        self._adapter = load_adapter(adapter, lm) if isinstance(adapter, bytes) else adapter
        if self._adapter and not self._adapter.fits(lm):
            raise FingerprintMismatch("", self._adapter.fingerprint, lm.fingerprint)
        self._under = self._state.attached + ((self._adapter.identity,) if self._adapter else ())
        if kv is None:
            self.reused, self._cache = 0, DynamicCache(config=lm.model.config)
        else:
            _check_prefix(kv, lm, ids, self._under)
            # The last prompt token is always computed: its logits give the first new one.
            self.reused = min(len(kv), len(ids) - 1)
            self._cache = kv.cache(self.reused)
        self.rest = list(ids[self.reused :])

    def step(self, ids: Sequence[int], keep: int = 1) -> torch.Tensor:
        with self._state.lock, self._attached():
            if self._state.attached != self._under:
                raise InvalidArgument("adapter", self._state.attached, f"{self._under}, as when the generation began")
            return forward(self._lm, ids, self._cache, keep)

    def _attached(self) -> AbstractContextManager[object]:
        return self._adapter.active() if self._adapter else nullcontext()


def _check_prefix(kv: KVPrefix, lm: LanguageModel, ids: Sequence[int], adapters: tuple[str, ...]) -> None:
    if kv.fingerprint != lm.fingerprint:
        raise FingerprintMismatch("", kv.fingerprint, lm.fingerprint)
    if kv.adapters != adapters:
        raise FingerprintMismatch("", f"adapters {kv.adapters}", f"under adapters {adapters}")
    if not kv.begins(ids):
        raise InvalidArgument("kv", f"a prefix of {len(kv)} tokens", "the tokens that the prompt begins with")


def _tokens(lm: LanguageModel, steps: _Steps, run: _Run, limit: int, temperature: float, seed: int) -> Iterator[int]:
    ends = _end_tokens(lm)
    random = torch.Generator().manual_seed(seed)
    started = time.perf_counter()
    run.reused = steps.reused
    ids = steps.rest
    for _ in range(limit):
        logits = steps.step(ids)[0]
        if run.seconds_to_first_token is None:
            run.prefilled = len(ids)
        token = _choose(logits, temperature, random)
        if run.seconds_to_first_token is None:
            run.seconds_to_first_token = time.perf_counter() - started
        if token in ends:
            run.finished = "end"
            return
        run.ids.append(token)
        yield token
        ids = [token]
    run.finished = "length"


def _choose(logits: torch.Tensor, temperature: float, random: torch.Generator) -> int:
    if temperature == 0:
        return int(logits.argmax())
    return int(torch.multinomial((logits / temperature).softmax(-1), 1, generator=random))


def _end_tokens(lm: LanguageModel) -> frozenset[int]:
    configured = lm.model.generation_config.eos_token_id if lm.model.generation_config else None
    ends = [configured] if isinstance(configured, int) else list(configured or ())
    return frozenset(i for i in (*ends, lm.tokenizer.eos_token_id) if i is not None)


def _texts(tokenizer: PreTrainedTokenizerFast, tokens: Iterator[int]) -> Iterator[str]:
    """Text of tokens as soon as it is certain: a character may take several tokens, a space may depend on two."""
    ids: list[int] = []
    begin = read = 0  # ids[begin:read] were told last, and give the following ones their context
    for token in tokens:
        ids.append(token)
        told, known = _decode(tokenizer, ids[begin:read]), _decode(tokenizer, ids[begin:])
        if len(known) > len(told) and not known.endswith("�"):
            begin, read = read, len(ids)
            yield known[len(told) :]
    rest = _decode(tokenizer, ids[begin:])[len(_decode(tokenizer, ids[begin:read])) :]
    if rest:
        yield rest


def _decode(tokenizer: PreTrainedTokenizerFast, ids: Sequence[int]) -> str:
    return str(tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))


def _stopped(pieces: Iterator[str], stop: Sequence[str], run: _Run) -> Iterator[str]:
    """Pieces up to the first stop text; what may be the beginning of one is held back until it is clear."""
    stops = [text for text in stop if text]
    held = ""
    for piece in pieces:
        held += piece
        found = min((at for at in (held.find(text) for text in stops) if at >= 0), default=-1)
        if found >= 0:
            run.finished = "stop"
            if held[:found]:
                yield held[:found]
            return
        keep = max((_overlap(held, text) for text in stops), default=0)
        ready, held = held[: len(held) - keep], held[len(held) - keep :]
        if ready:
            yield ready
    if held:
        yield held


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of a text that begins a stop text."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
