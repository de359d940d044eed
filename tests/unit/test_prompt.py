# SPDX-License-Identifier: Apache-2.0
"""Prompts: exact prefixes under any chat template, and data that stays data."""

from __future__ import annotations

import unicodedata
from itertools import accumulate
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memwalk.errors import ConfigurationError, InvalidArgument
from memwalk.runtime import INSTRUCTION, Memory, PromptFormat, Turn, write_messages
from memwalk.text import neutralise

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA2 = (
    "{% if messages[0]['role'] == 'system' %}{% set system = '<<SYS>>\n' + messages[0]['content'] + '\n<</SYS>>\n\n' %}"
    "{% set messages = messages[1:] %}{% else %}{% set system = '' %}{% endif %}"
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}"
    "{% set text = system + m['content'] if loop.first else m['content'] %}"
    "{% if m['role'] == 'user' %}{{ bos_token + '[INST] ' + text | trim + ' [/INST]' }}"
    "{% else %}{{ ' ' + text | trim + ' ' + eos_token }}{% endif %}{% endfor %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{% for m in messages %}{% set role = 'model' if m['role'] == 'assistant' else m['role'] %}"
    "{{ '<start_of_turn>' + role + '\n' + m['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
TEMPLATES = {"chatml": CHATML, "llama2": LLAMA2, "gemma": GEMMA, "none": None}
SPECIAL = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "<start_of_turn>", "<end_of_turn>"]
TOOL = "<tool_call>"
"""Added, but not marked special: tokenizers have such tokens too."""


def tokenizer(template: str | None) -> PreTrainedTokenizerFast:
    """A small byte-level tokenizer with the special tokens of several chat formats."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator([INSTRUCTION, "Question: who wrote the letter? <memory> and </memory>"] * 4, trainer)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>", eos_token="</s>")  # type: ignore[no-untyped-call]
    wrapped.add_tokens([TOOL])
    wrapped.chat_template = template
    return wrapped


FORMATS = {name: PromptFormat(tokenizer(template)) for name, template in TEMPLATES.items()}

pieces = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [*SPECIAL, TOOL, "<|IM_END|>", "</memory>", "<memory>", "[/INST]", "<</SYS>>", "\nassistant:", "<", "|"]
    ),
)
texts = st.lists(pieces, max_size=6).map("".join)
memories = st.builds(Memory, st.just("u"), texts, texts, st.just(1))
formats = pytest.mark.parametrize("prompt", FORMATS.values(), ids=FORMATS.keys())


def forbidden(prompt: PromptFormat) -> set[int]:
    """Every token that a text may not become."""
    return set(prompt._tokenizer.added_tokens_decoder)


@formats
@given(found=st.lists(memories, max_size=3), question=texts, earlier=texts)
def test_special_tokens_are_the_templates(
    prompt: PromptFormat, found: list[Memory], question: str, earlier: str
) -> None:
    """Whatever memory, question and turns say, special tokens stand only where the template put them."""
    turns = [Turn("user", earlier), Turn("assistant", earlier)]
    plain = [Memory("u", "n", "t", 1) for _ in found]
    template = [
        i for i in prompt.prompt(plain, "q", [Turn("user", "x"), Turn("assistant", "y")]) if i in forbidden(prompt)
    ]
    assert [i for i in prompt.prompt(found, question, turns) if i in forbidden(prompt)] == template


@formats
@given(found=st.lists(memories, max_size=3), question=texts)
def test_segments_are_prefixes(prompt: PromptFormat, found: list[Memory], question: str) -> None:
    """The first segments of a prompt are its first tokens, and a block's do not depend on its place."""
    ids = prompt.prompt(found, question)
    for first in accumulate([prompt.preamble(), *map(prompt.block, found)]):
        assert ids[: len(first)] == first
    assert ids == first + prompt.tail(question)
    for memory in reversed(found):
        assert prompt.block(memory) == prompt.block(memory)
    moved = prompt.prompt(found[::-1], question)
    assert sorted(moved) == sorted(ids)


@formats
def test_prompt_is_what_the_template_writes(prompt: PromptFormat) -> None:
    """The decoded prompt is the chat template's own rendering of the messages."""
    found = [Memory("u", "Letter", "Mary wrote it.", 1), Memory("v", "", "It is long.", 1)]
    turns = [Turn("user", "Hello"), Turn("assistant", "Hi there")]
    for earlier in ([], turns):
        written = prompt.messages(found, "Who wrote it?", earlier)
        if not prompt._system_apart:
            assert written[0]["role"] == "system"  # an endpoint knows its own model's roles
            written[1]["content"] = f"{INSTRUCTION}\n\n{written[1]['content']}"
            del written[0]
        core = prompt._tokenizer
        expected = prompt._apply(written)
        assert core.decode(prompt.prompt(found, "Who wrote it?", earlier), skip_special_tokens=False) == expected
        assert INSTRUCTION in expected
        assert "<memory>\nLetter: Mary wrote it.\n</memory>\n<memory>\nIt is long.\n</memory>\n\nQuestion:" in expected


def test_roles_alternate() -> None:
    """Turns of one role in a row, or an answer first, are put so that strict templates take them."""
    prompt = FORMATS["llama2"]
    ids = prompt.tail("c?", [Turn("assistant", "a"), Turn("user", "b1"), Turn("user", "b2")])
    assert "b1\nb2\nc?" in prompt._tokenizer.decode(ids)
    with pytest.raises(InvalidArgument):
        Turn("system", "obey")


def test_template_that_changes_messages_is_refused() -> None:
    """A template that does not carry what it is given cannot hold memory."""
    with pytest.raises(ConfigurationError, match="chat template"):
        PromptFormat(tokenizer("{% for m in messages %}{{ m['content'] | upper }}{% endfor %}"))


def test_tokenizer_is_left_alone() -> None:
    """Writing prompts changes nothing in the tokenizer that others use."""
    shared = tokenizer(CHATML)
    marked = shared.encode("<|im_end|>", add_special_tokens=False)
    PromptFormat(shared).prompt([Memory("u", "n", "<|im_end|>", 1)], "q")
    assert shared.encode("<|im_end|>", add_special_tokens=False) == marked
    assert len(marked) == 1


@given(texts)
def test_answers_are_plain_text(text: str) -> None:
    """An answer's tokens say the answer, special tokens spelled out as text."""
    prompt = FORMATS["chatml"]
    ids = prompt.answer(text)
    assert not set(ids) & forbidden(prompt)
    if TOOL not in text:
        assert prompt._tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text


@given(texts)
def test_neutralise(text: str) -> None:
    """Markers go, offsets stay, the second time changes nothing, and no normal form brings them back."""
    clean = neutralise(text, [*SPECIAL, TOOL])
    assert len(clean) == len(text)
    assert neutralise(clean, [*SPECIAL, TOOL]) == clean
    for form in ("NFC", "NFD"):
        normal = unicodedata.normalize(form, clean).casefold()
        assert not [token for token in (*SPECIAL, TOOL) if token in normal]
    changed = [b for a, b in zip(text, clean, strict=True) if a != b]
    assert not [character for character in changed if character.isascii()]


@pytest.mark.parametrize(
    "marker",
    [
        "<|im_start|>",
        "<|eot_id|>",
        "<\N{FULLWIDTH VERTICAL LINE}User\N{FULLWIDTH VERTICAL LINE}>",
        "<start_of_turn>",
        "[INST]",
        "[/inst]",
        "<<SYS>>",
        "</s>",
        "</memory>",
        "< / memory >",
        "<MEMORY name='x'>",
        "System:",
        "**Assistant**:",
        "### Instruction:",
        "<think>",
    ],
)
def test_markers_of_other_formats(marker: str) -> None:
    """Markers of the chat formats in use go, whichever model is loaded."""
    text = f"Before.\n{marker} after"
    assert marker not in neutralise(text)
    assert neutralise(text).startswith("Before.\n")
    assert neutralise(text).endswith(" after")


@pytest.mark.parametrize(
    "text", ["a < b and c > d", "x[1] = y[0]", "The system: a poem", "f(a|b)", "<p>memory</p>", "Instructions: stir."]
)
def test_ordinary_text_is_untouched(text: str) -> None:
    """What only looks a little like a marker stays."""
    assert neutralise(text, SPECIAL) == text


def test_overlapping_tokens() -> None:
    """Breaking one token leaves no other behind."""
    clean = neutralise("[abc]", ["[ab", "bc]"])
    assert "[ab" not in clean
    assert "bc]" not in clean
    assert neutralise("abc", ["ab", "bc"]) != "abc"


def test_neutralise_is_linear() -> None:
    """Long runs of what begins a marker take no more than their length."""
    for text in ("<" * 50_000, "< " * 50_000, "<|" * 50_000, "<memory" * 20_000, "\n#" * 50_000, " " * 100_000):
        neutralise(text, SPECIAL)


def test_messages_for_an_endpoint() -> None:
    """Messages carry the same words, neutralised, without any tokenizer."""
    written = write_messages(
        [Memory("u", "A", "x </memory> <|im_end|>", 1)], "Why?", [Turn("user", "a"), Turn("assistant", "b")]
    )
    assert [m["role"] for m in written] == ["system", "user", "assistant", "user"]
    assert written[0]["content"] == INSTRUCTION
    assert written[1]["content"].count("</memory>") == 1
    assert "<|im_end|>" not in written[1]["content"]
    assert written[3]["content"] == "Question: Why?"
