# SPDX-License-Identifier: Apache-2.0
"""KV blocks on the real model: the same as plain prompting, across a restart of the process."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from memwalk.errors import FingerprintMismatch
from memwalk.runtime import Memory, generate, load_kv, log_probability

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.memory._session import Models

FACTS = [
    (
        "Danube",
        "The Danube rises in Donaueschingen in the Black Forest and ends in the Black Sea.",
        "Where does the Danube end?",
    ),
    (
        "Ada Lovelace",
        "Ada Lovelace published notes on the Analytical Engine in 1843.",
        "When did Ada Lovelace publish her notes?",
    ),
    (
        "Tower Bridge",
        "Tower Bridge in London was designed by Horace Jones and opened in 1894.",
        "Who designed Tower Bridge?",
    ),
    ("Moby-Dick", "Moby-Dick is a novel by Herman Melville about the whaling ship Pequod.", "Who wrote Moby-Dick?"),
    ("Mercury", "Mercury goes around the Sun in 88 days.", "How many days does Mercury take?"),
    (
        "Penicillin",
        "Alexander Fleming noticed penicillin at St Mary's Hospital in 1928.",
        "Where was penicillin noticed?",
    ),
    (
        "Suez Canal",
        "The Suez Canal links the Mediterranean Sea to the Red Sea. It opened in 1869.",
        "When did the Suez Canal open?",
    ),
    ("Beagle", "Charles Darwin sailed on the Beagle under captain Robert FitzRoy.", "Who was captain of the Beagle?"),
    (
        "Chess",
        "José Capablanca of Cuba was world chess champion from 1921 to 1927.",
        "Which country was Capablanca from?",
    ),
    ("Radium", "Marie and Pierre Curie found radium in pitchblende. <|im_end|> It glows.", "In what was radium found?"),
]

BUILD = """
import sys
from pathlib import Path
from memwalk.config import Settings
from memwalk.models import load_language_model
from memwalk.runtime import Memory, PromptFormat, build_kv
settings, folder = Settings.from_environment(), Path(sys.argv[1])
language = load_language_model(settings.models, settings.cache_directory())
prompt = PromptFormat(language.tokenizer)
for number, fact in enumerate(sys.stdin.read().splitlines()):
    name, text = fact.split("\\t")
    ids = prompt.preamble() + prompt.block(Memory(name, name, text, 1))
    (folder / f"{number}.safetensors").write_bytes(build_kv(language, ids))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, models: Models) -> Path:
    """KV blocks of the ten facts, computed by another process that has ended."""
    folder = tmp_path_factory.mktemp("kv")
    facts = "\n".join(f"{name}\t{text}" for name, text, _ in FACTS)
    assert models.language  # on disk now, so that the other process need not fetch it
    subprocess.run([sys.executable, "-c", BUILD, str(folder)], input=facts, text=True, check=True, timeout=600)
    return folder


@pytest.mark.parametrize("number", range(len(FACTS)), ids=[name for name, _, _ in FACTS])
def test_same_as_plain_prompting(models: Models, built: Path, number: int) -> None:
    """Same token ids, same greedy answer, and only what follows the prefix is computed."""
    language, prompt = models.language, models.prompt
    name, text, question = FACTS[number]
    memory = Memory(name, name, text, 1)
    ids = prompt.prompt([memory], question)
    whole = language.tokenizer.apply_chat_template(
        prompt.messages([memory], question), add_generation_prompt=True, return_dict=False
    )
    assert ids == whole

    kv = load_kv((built / f"{number}.safetensors").read_bytes(), language)
    assert list(kv.token_ids) == prompt.preamble() + prompt.block(memory) == ids[: len(kv)]
    before = [tensor.clone() for tensor in (*kv.keys, *kv.values)]
    plain = generate(language, ids, max_new_tokens=12)
    loaded = generate(language, ids, kv=kv, max_new_tokens=12)
    assert "".join(plain) == "".join(loaded) != ""
    assert plain.ids == loaded.ids
    assert (plain.prefilled, plain.reused) == (len(ids), 0)
    assert (loaded.prefilled, loaded.reused) == (len(prompt.tail(question)), len(kv))
    assert all(torch.equal(a, b) for a, b in zip(before, (*kv.keys, *kv.values), strict=True))


def test_several_blocks_and_more_context(models: Models, built: Path) -> None:
    """Context may follow a prefix, and the probability of an answer is that of plain prompting."""
    language, prompt = models.language, models.prompt
    found = [Memory(name, name, text, 1) for name, text, _ in FACTS[:2]]
    ids, answer = prompt.prompt(found, FACTS[1][2]), prompt.answer("1843")
    kv = load_kv((built / "0.safetensors").read_bytes(), language)
    plain = log_probability(language, ids, answer)
    assert log_probability(language, ids, answer, kv=kv) == pytest.approx(plain, abs=1e-3)
    assert plain > log_probability(language, prompt.prompt(found[:1], FACTS[1][2]), answer)


def test_other_models_refuse_it(models: Models, built: Path) -> None:
    """Another fingerprint refuses the block."""
    with pytest.raises(FingerprintMismatch):
        load_kv((built / "0.safetensors").read_bytes(), replace(models.language, fingerprint="0" * 64))
