# SPDX-License-Identifier: Apache-2.0
"""KV blocks, adapters and generation on a model small enough to be made here, with random weights."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pytest
import torch

from memwalk.errors import FingerprintMismatch, InvalidArgument, PayloadMalformed
from memwalk.models import LanguageModel
from memwalk.runtime import (
    AdapterConfig,
    Costs,
    attached,
    build_kv,
    cached_costs,
    generate,
    load_adapter,
    load_kv,
    log_probability,
    train_adapter,
)
from memwalk.runtime._forms import Example, make_examples
from memwalk.runtime._generate import _decode, _stopped, _texts
from memwalk.runtime._payload import read_payload, write_payload
from memwalk.runtime._train import Rendered, _loss

if TYPE_CHECKING:
    from pathlib import Path

    from spacy.language import Language

TEXT = "Ada Lovelace wrote the first program in 1843. She worked with Charles Babbage in London."
PROMPT = list(range(10, 40))


@cache
def tiny() -> LanguageModel:
    """A Llama of three layers over a byte-level tokenizer."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"</s>": 0, **{letter: i + 1 for i, letter in enumerate(alphabet)}}
    core = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="</s>")  # type: ignore[no-untyped-call]
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        bos_token_id=None,
        eos_token_id=0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
    model.train(mode=False)
    model.requires_grad_(requires_grad=False)
    return LanguageModel("tiny", model, tokenizer, "tiny-1", torch.device("cpu"), torch.float32)


def state() -> dict[str, torch.Tensor]:
    """A copy of the base weights, by name."""
    return {name: tensor.clone() for name, tensor in tiny().model.state_dict().items()}


def same(before: dict[str, torch.Tensor]) -> bool:
    """Whether the base weights are still those, bit by bit and name by name."""
    after = tiny().model.state_dict()
    return list(before) == list(after) and all(torch.equal(before[name], after[name]) for name in before)


@pytest.fixture(scope="session")
def adapter(parser: Language) -> bytes:
    """An adapter trained for a few steps."""
    return train_adapter(tiny(), [TEXT], parser, AdapterConfig(steps=3, learning_rate=0.05))


# --- KV ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", [1, 7, 29, 30])
def test_kv_is_an_exact_prefix(split: int) -> None:
    """Behind a KV prefix the tokens are those of plain prompting, and only the rest is computed."""
    kv = load_kv(build_kv(tiny(), PROMPT[:split]), tiny())
    plain, loaded = generate(tiny(), PROMPT, max_new_tokens=12), generate(tiny(), PROMPT, kv=kv, max_new_tokens=12)
    assert "".join(plain) == "".join(loaded)
    assert plain.ids == loaded.ids
    assert (plain.prefilled, plain.reused) == (30, 0)
    # A prefix that is the whole prompt still leaves the last token to compute.
    assert (loaded.prefilled, loaded.reused) == (max(1, 30 - split), min(split, 29))
    answer = [50, 51, 52]
    assert log_probability(tiny(), PROMPT, answer, kv=kv) == pytest.approx(
        log_probability(tiny(), PROMPT, answer), abs=1e-4
    )


def test_loaded_tensors_are_never_changed() -> None:
    """Generation leaves a loaded block bit by bit as it was, however often it is used."""
    kv = load_kv(build_kv(tiny(), PROMPT[:9]), tiny())
    before = [tensor.clone() for tensor in (*kv.keys, *kv.values)]
    first, second = [list(generate(tiny(), PROMPT, kv=kv, max_new_tokens=5)) for _ in range(2)]
    assert first == second
    assert all(torch.equal(a, b) for a, b in zip(before, (*kv.keys, *kv.values), strict=True))
    assert (len(kv), kv.nbytes) == (9, 9 * 3 * 2 * 2 * 8 * 4)
    copied = {tensor.data_ptr() for key, value, *_ in kv.cache() for tensor in (key, value)}
    assert not copied & {tensor.data_ptr() for tensor in (*kv.keys, *kv.values)}


def test_kv_payload_is_the_same_bytes() -> None:
    """The same tokens give the same payload, whose layout is the one described."""
    data = build_kv(tiny(), PROMPT)
    assert data == build_kv(tiny(), PROMPT)
    metadata, tensors = read_payload("memwalk.kv.1", data)
    assert metadata == {
        "format": "memwalk.kv.1", "fingerprint": "tiny-1", "adapters": [], "tokens": 30, "dtype": "torch.float32"
    }  # fmt: skip
    assert tensors["token_ids"].tolist() == PROMPT
    assert {tuple(t.shape) for name, t in tensors.items() if name != "token_ids"} == {(2, 30, 8)}
    assert sorted(tensors)[:2] == ["layer.00.key", "layer.00.value"]


def test_kv_is_refused_elsewhere() -> None:
    """Another model, other adapters, another prompt, other shapes, other bytes: each refused by name."""
    data = build_kv(tiny(), PROMPT)
    with pytest.raises(FingerprintMismatch, match="tiny-2"):
        load_kv(data, replace(tiny(), fingerprint="tiny-2"), unit_id="u")
    with pytest.raises(FingerprintMismatch, match="adapter"):
        load_kv(data, tiny(), adapters=["a" * 64])
    with pytest.raises(InvalidArgument, match="begins with"):
        generate(tiny(), [9, *PROMPT], kv=load_kv(data, tiny()))
    metadata, tensors = read_payload("memwalk.kv.1", data)
    for changed in (
        {**tensors, "layer.01.key": tensors["layer.01.key"][:, :-1].contiguous()},
        {**tensors, "layer.01.key": tensors["layer.01.key"].half()},
        {name: t for name, t in tensors.items() if name != "layer.02.value"},
        {name: t for name, t in tensors.items() if name != "token_ids"},
    ):
        with pytest.raises(PayloadMalformed):
            load_kv(write_payload("memwalk.kv.1", changed, metadata), tiny())
    for broken in (b"", b"\x80\x04K\x01.", data[:1000], write_payload("memwalk.adapter.1", tensors, metadata)):
        with pytest.raises(PayloadMalformed):
            load_kv(broken, tiny())


def test_context_length_is_checked() -> None:
    """Nothing longer than the model's context is computed, and generation ends at its end."""
    with pytest.raises(InvalidArgument, match="512"):
        build_kv(tiny(), [1] * 513)
    with pytest.raises(InvalidArgument):
        generate(tiny(), [1] * 513)
    with pytest.raises(InvalidArgument):
        generate(tiny(), [])
    generation = generate(tiny(), [1] * 510, max_new_tokens=50)
    list(generation)
    assert len(generation.ids) <= 3


# --- adapters ------------------------------------------------------------------------------------


def test_training_leaves_the_base_alone(parser: Language, adapter: bytes) -> None:
    """After training and after each use the base is what it was: weights, names, flags, logits."""
    before, modules = state(), [type(module) for module in tiny().model.modules()]
    attributes, logits = set(vars(tiny().model)), tiny().model(torch.tensor([PROMPT])).logits
    train_adapter(tiny(), [TEXT], parser, AdapterConfig(steps=2))
    generation = generate(tiny(), PROMPT, adapter=adapter, max_new_tokens=9)
    next(generation)
    # Suspended in the middle of an answer, nothing is attached.
    assert torch.equal(tiny().model(torch.tensor([PROMPT])).logits, logits)
    with attached(tiny(), adapter):
        assert not torch.equal(tiny().model(torch.tensor([PROMPT])).logits, logits)
    with pytest.raises(RuntimeError, match="in between"), attached(tiny(), adapter):
        raise RuntimeError("in between")
    assert torch.equal(tiny().model(torch.tensor([PROMPT])).logits, logits)
    assert same(before)
    assert [type(module) for module in tiny().model.modules()] == modules
    assert set(vars(tiny().model)) == attributes
    assert not any(parameter.requires_grad for parameter in tiny().model.parameters())


def test_training_is_repeatable(parser: Language, adapter: bytes) -> None:
    """The same seed gives the same bytes, another seed others, and torch's own generator is left alone."""
    config = AdapterConfig(steps=3, learning_rate=0.05)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    again = train_adapter(tiny(), [TEXT], parser, config)
    assert torch.equal(torch.rand(1), expected)
    assert again == adapter
    assert train_adapter(tiny(), [TEXT], parser, replace(config, seed=1)) != adapter


def test_training_learns(parser: Language) -> None:
    """What was trained becomes more probable; progress is told."""
    told: list[tuple[str, int, int | None]] = []
    data = train_adapter(
        tiny(), [TEXT], parser, AdapterConfig(steps=20, learning_rate=0.05), lambda *step: told.append(step)
    )
    assert told[0] == ("train", 0, 20)
    assert told[-1] == ("train", 20, 20)
    first = read_payload("memwalk.adapter.1", train_adapter(tiny(), [TEXT], parser, AdapterConfig(steps=1)))[0]
    last, tensors = read_payload("memwalk.adapter.1", data)
    assert last["loss"] < first["loss"]
    assert last["peft"]["r"] == 4
    assert min(tensors) == "model.layers.0.mlp.down_proj.lora_A.weight"
    assert len(tensors) == 3 * 3 * 2


def test_packed_loss_is_the_loss_of_each() -> None:
    """Examples side by side behind one preamble count as if each stood alone behind it."""
    batch = [Rendered((3, 4, 5), (6, 7)), Rendered((8, 9), (10, 11, 0)), Rendered((12,), (13,))]
    preamble = [20, 21, 22]
    alone = [-log_probability(tiny(), [*preamble, *e.asked], e.answer) for e in batch]
    packed = float(_loss(tiny(), preamble, batch))
    assert packed * sum(len(e.answer) for e in batch) == pytest.approx(sum(alone), abs=1e-3)


def test_adapter_is_refused_elsewhere(adapter: bytes, parser: Language) -> None:
    """Another model, other bytes, other matrices, a second adapter: each refused."""
    with pytest.raises(FingerprintMismatch, match="tiny-2"):
        load_adapter(adapter, replace(tiny(), fingerprint="tiny-2"))
    with pytest.raises(PayloadMalformed):
        load_adapter(adapter[:200], tiny())
    with pytest.raises(PayloadMalformed):
        load_adapter(build_kv(tiny(), PROMPT), tiny())
    metadata, tensors = read_payload("memwalk.adapter.1", adapter)
    tensors.popitem()
    with pytest.raises(PayloadMalformed):
        load_adapter(write_payload("memwalk.adapter.1", tensors, metadata), tiny())
    with attached(tiny(), adapter), pytest.raises(InvalidArgument, match="adapter"):
        load_adapter(adapter, tiny())
    with pytest.raises(InvalidArgument, match="modules"):
        train_adapter(tiny(), [TEXT], parser, AdapterConfig(modules=("fc1",)))
    with pytest.raises(InvalidArgument, match="sentence"):
        train_adapter(tiny(), ["  \n"], parser)


def test_kv_under_an_adapter(adapter: bytes) -> None:
    """A block computed under an adapter carries its identity, and is loaded under it alone."""
    loaded = load_adapter(adapter, tiny())
    data = build_kv(tiny(), PROMPT[:12], adapter=adapter)
    with attached(tiny(), loaded):
        assert build_kv(tiny(), PROMPT[:12]) == data
    with pytest.raises(FingerprintMismatch, match="no adapter"):
        load_kv(data, tiny())
    kv = load_kv(data, tiny(), adapters=[loaded.identity])
    with pytest.raises(FingerprintMismatch):
        generate(tiny(), PROMPT, kv=kv)
    plain = load_kv(build_kv(tiny(), PROMPT[:12]), tiny())
    with pytest.raises(FingerprintMismatch):
        generate(tiny(), PROMPT, kv=plain, adapter=loaded)
    expected = list(generate(tiny(), PROMPT, adapter=loaded, max_new_tokens=8))
    assert list(generate(tiny(), PROMPT, kv=kv, adapter=adapter, max_new_tokens=8)) == expected


def test_generation_stays_under_its_adapters(adapter: bytes) -> None:
    """A generation begun under an attached adapter does not go on without it."""
    with attached(tiny(), adapter):
        generation = generate(tiny(), PROMPT, max_new_tokens=9)
        next(generation)
    with pytest.raises(InvalidArgument, match="as when the generation began"):
        list(generation)


# --- generation ----------------------------------------------------------------------------------


def test_sampling_is_by_seed() -> None:
    """The same seed draws the same answer; greedy needs none."""
    draw = [generate(tiny(), PROMPT, temperature=1.5, seed=seed, max_new_tokens=16) for seed in (1, 1, 2)]
    for generation in draw:
        list(generation)
    assert draw[0].ids == draw[1].ids != draw[2].ids
    with pytest.raises(InvalidArgument):
        generate(tiny(), PROMPT, temperature=-1)
    with pytest.raises(InvalidArgument):
        generate(tiny(), PROMPT, max_new_tokens=0)


def test_end_of_turn_ends() -> None:
    """The end token ends an answer and is not part of it."""
    model = tiny().model
    generation = generate(tiny(), PROMPT, max_new_tokens=1)
    list(generation)
    assert model.generation_config is not None
    before = model.generation_config.eos_token_id
    model.generation_config.eos_token_id = [0, generation.ids[0]]
    try:
        ended = generate(tiny(), PROMPT, max_new_tokens=5)
        assert list(ended) == []
        assert (ended.ids, ended.finished, ended.prefilled) == ([], "end", 30)
        assert ended.seconds_to_first_token is not None
    finally:
        model.generation_config.eos_token_id = before


@pytest.mark.parametrize("text", ["plain", "naïve café", "日本語 and 😀👩‍🚀!", "ends in 😀", "\ufffd kept \ufffd"])
def test_streamed_text_is_the_text(text: str) -> None:
    """Pieces add up to the text, and a character of several tokens comes whole."""
    tokenizer = tiny().tokenizer
    ids = tokenizer.encode(text, add_special_tokens=False)
    pieces = list(_texts(tokenizer, iter(ids)))
    assert "".join(pieces) == text == _decode(tokenizer, ids)
    if "\ufffd" not in text:
        assert not any("\ufffd" in piece for piece in pieces)
        assert len(pieces) > 3


@pytest.mark.parametrize(
    ("pieces", "stop", "told"),
    [
        (["one tw", "o three"], ["two"], "one "),
        (["a", "b", "c"], ["bc"], "a"),
        (["a", "b"], ["bc"], "ab"),
        (["aab"], ["ab", "aab"], ""),
        (["no stop"], [""], "no stop"),
    ],
)
def test_stop_texts(pieces: list[str], stop: list[str], told: str) -> None:
    """An answer ends before the first stop text, also one that comes in several pieces."""
    run = generate(tiny(), PROMPT)._run
    assert "".join(_stopped(iter(pieces), stop, run)) == told
    assert run.finished == ("stop" if told != "".join(pieces) else "")


# --- examples, costs -----------------------------------------------------------------------------


def test_examples_ask_about_every_part(parser: Language) -> None:
    """Who, what, when and where are asked, things are left out, and the sentence itself is told."""
    examples = make_examples([TEXT], parser, limit=100)
    assert Example("Who wrote the first program in 1843?", "Ada Lovelace") in examples
    assert Example("What did Ada Lovelace write in 1843?", "the first program") in examples
    assert Example("When did Ada Lovelace write the first program?", "1843") in examples
    assert Example("Fill in the blank: ___ wrote the first program in 1843.", "Ada Lovelace") in examples
    assert any(e.question == "What do you know about Ada Lovelace?" and "Babbage" in e.answer for e in examples)
    assert len(set(examples)) == len(examples)
    assert examples == make_examples([TEXT], parser, limit=100)
    few = make_examples([TEXT], parser, limit=4)
    assert len(few) == 4
    assert make_examples(["", " \n"], parser, limit=4) == []


def test_examples_never_give_the_answer_away(parser: Language) -> None:
    """No question holds its own answer."""
    text = "Virgo is a constellation. The star Spica lies in Virgo. Spica is the brightest star of Virgo."
    for example in make_examples([text, TEXT], parser, limit=100):
        assert example.answer.casefold() not in example.question.casefold()


def test_costs(tmp_path: Path) -> None:
    """Costs are measured once for a model, and kept as JSON."""
    file = tmp_path / "new" / "costs.json"
    costs = cached_costs(tiny(), file)
    assert costs == cached_costs(tiny(), file)
    assert list(json.loads(file.read_text())) == ["tiny-1 cpu"]
    other = cached_costs(replace(tiny(), fingerprint="tiny-2"), file)
    assert cached_costs(tiny(), file) == costs
    assert cached_costs(replace(tiny(), fingerprint="tiny-2"), file) == other
    file.write_text("[]")
    assert cached_costs(tiny(), file).kv_bytes_per_token > 0
    assert costs.prefill(10) == pytest.approx(10 * costs.prefill_seconds_per_token)
    assert costs.load_kv(10) == pytest.approx(10 * costs.kv_load_seconds_per_token)
    assert costs.decode(2) > 0
    with pytest.raises(InvalidArgument):
        Costs(-1, 0, 0, 0, 0)
