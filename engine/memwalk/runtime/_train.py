# SPDX-License-Identifier: Apache-2.0
"""Training an adapter: questions and answers made of a text, in the very prompt they will be asked in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from memwalk.errors import InvalidArgument
from memwalk.runtime._adapter import ADAPTER_FORMAT, wrap
from memwalk.runtime._forms import make_examples
from memwalk.runtime._payload import write_payload
from memwalk.runtime._prompt import PromptFormat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spacy.language import Language

    from memwalk.models import LanguageModel
    from memwalk.progress import Progress
    from memwalk.runtime._forms import Example

__all__ = ["AdapterConfig", "lora_arguments", "train_adapter"]


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """How an adapter is trained.

    Attributes
    ----------
    rank, alpha
        Of the low-rank matrices; their product is scaled by ``alpha / rank``.
    modules
        Names of the linear layers to wrap: the feed-forward network's, where facts are looked up.
    first_layer
        Share of the layers, from the bottom, that stay as they are.
    learning_rate
        3e-3 damages what the model knows of other things.
    steps
        For each text. More, smaller ones teach more in the same time.
    tokens_per_step
        A step takes examples until this many tokens are full; examples come round again.
    examples
        Most, for each text. Each should come round a few times.
    seed
        Of the first values and of the order. The same seed on the same machine gives the same bytes.
    """

    rank: int = 4
    alpha: int = 16
    modules: tuple[str, ...] = ("gate_proj", "up_proj", "down_proj")
    first_layer: float = 0.0
    learning_rate: float = 7e-4
    steps: int = 24
    tokens_per_step: int = 128
    examples: int = 32
    seed: int = 0


def train_adapter(
    lm: LanguageModel,
    texts: Sequence[str],
    parser: Language,
    config: AdapterConfig | None = None,
    progress: Progress | None = None,
) -> bytes:
    """Teach a LoRA adapter what some texts say.

    Parameters
    ----------
    lm : LanguageModel
        Left exactly as it was. Others who want it wait until the end.
    texts : sequence of str
    parser : spacy.Language
        Finds the sentences, entities and clauses that questions are made of.
    config : AdapterConfig, optional
    progress : Progress, optional
        Told of every step.

    Returns
    -------
    bytes
        A payload for `load_adapter`.

    Raises
    ------
    InvalidArgument
        The texts hold no sentence to learn.
    """
    config = config or AdapterConfig()
    examples = make_examples(texts, parser, limit=config.examples * len(texts))
    steps = config.steps * len(texts)
    if not examples:
        raise InvalidArgument("texts", [text[:40] for text in texts], "at least one sentence")
    prompt = PromptFormat(lm.tokenizer)
    rendered = [_render(prompt, example, lm.tokenizer.eos_token_id) for example in examples]
    peft = lora_arguments(lm, config)
    wrapped = wrap(lm, peft, seed=config.seed)
    parameters = list(wrapped.tensors().values())
    for parameter in parameters:
        parameter.requires_grad = True
    optimiser = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=0.0)
    batches = _batches(rendered, config.tokens_per_step, config.seed)
    loss = 0.0
    with wrapped.active("in training"), torch.enable_grad():
        for step in range(steps):
            if progress:
                progress("train", step, steps)
            # Down to a tenth at the end: the last steps settle what the first ones found.
            for group in optimiser.param_groups:
                group["lr"] = config.learning_rate * (1 - 0.9 * step / steps)
            value = _loss(lm, prompt.preamble(), next(batches))
            value.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            loss = float(value.detach())
    if progress:
        progress("train", steps, steps)
    tensors = {name: parameter.detach().cpu().contiguous() for name, parameter in wrapped.tensors().items()}
    metadata = {
        "fingerprint": lm.fingerprint,
        "peft": peft,
        "examples": len(examples),
        "steps": steps,
        "loss": round(loss, 4),
        "seed": config.seed,
    }
    return write_payload(ADAPTER_FORMAT, tensors, metadata)


def lora_arguments(lm: LanguageModel, config: AdapterConfig) -> dict[str, Any]:
    """Arguments of `peft.LoraConfig` for a model.

    Raises
    ------
    InvalidArgument
        The model has no layer of these names.
    """
    names = {path.rpartition(".")[2] for path, _ in lm.model.named_modules()}
    if not names.intersection(config.modules):
        raise InvalidArgument("modules", config.modules, f"names of linear layers of {lm.name}")
    layers = int(lm.model.config.get_text_config().num_hidden_layers)
    peft: dict[str, Any] = {
        "r": config.rank,
        "lora_alpha": config.alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": list(config.modules),
    }
    first = int(layers * config.first_layer)
    return peft if first == 0 else {**peft, "layers_to_transform": list(range(first, layers))}


@dataclass(frozen=True, slots=True)
class Rendered:
    """One example as tokens: what is asked, and what is to be learnt."""

    asked: tuple[int, ...]
    answer: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.asked) + len(self.answer)


def _render(prompt: PromptFormat, example: Example, end: int | None) -> Rendered:
    ending = () if end is None else (end,)
    return Rendered(tuple(prompt.tail(example.question)), (*prompt.answer(example.answer), *ending))


def _batches(examples: Sequence[Rendered], tokens: int, seed: int) -> Iterator[list[Rendered]]:
    """Examples in a new order each round, as many a batch as its tokens allow."""
    random = torch.Generator().manual_seed(seed)
    batch: list[Rendered] = []
    while True:
        for index in torch.randperm(len(examples), generator=random).tolist():
            if batch and sum(map(len, batch)) + len(examples[index]) > tokens:
                yield batch
                batch = []
            batch.append(examples[index])


def _loss(lm: LanguageModel, preamble: Sequence[int], batch: Sequence[Rendered]) -> torch.Tensor:
    """Mean cross entropy of the answers' tokens.

    The preamble is computed once and the examples stand side by side behind it, each seeing the
    preamble and itself: the same numbers as one by one, for a fraction of the work.
    """
    ids, positions, owners = list(preamble), list(range(len(preamble))), [-1] * len(preamble)
    keep: list[int] = []
    targets: list[int] = []
    for owner, example in enumerate(batch):
        start = len(ids) + len(example.asked) - 1
        keep += range(start, start + len(example.answer))
        targets += example.answer
        ids += [*example.asked, *example.answer]
        positions += range(len(preamble), len(preamble) + len(example))
        owners += [owner] * len(example)
    owner_of = torch.tensor(owners, device=lm.device)
    order = torch.arange(len(ids), device=lm.device)
    sees = (order[:, None] >= order[None, :]) & ((owner_of[None, :] == -1) | (owner_of[:, None] == owner_of[None, :]))
    mask = torch.zeros(sees.shape, dtype=lm.dtype, device=lm.device).masked_fill_(~sees, torch.finfo(lm.dtype).min)
    logits = lm.model(
        input_ids=torch.tensor([ids], device=lm.device),
        position_ids=torch.tensor([positions], device=lm.device),
        attention_mask=mask[None, None],
        use_cache=False,
        logits_to_keep=torch.tensor(keep, device=lm.device),
    ).logits
    return functional.cross_entropy(logits[0].float(), torch.tensor(targets, device=lm.device))
