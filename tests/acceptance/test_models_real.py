# SPDX-License-Identifier: Apache-2.0
"""The default models, fetched into an empty cache by a fresh process: what is loaded and what it computes."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from memwalk.config import ModelSettings
from memwalk.models import ROLES, check, language_model_fingerprint, load_embedder, load_language_model, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memwalk.config import Settings

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
# Of the weights that conversion makes of it: equal on every run and machine.
CONVERTED = "a672150fb4f99d7c8f4168cecdd464069c0ef3a37d8113f22ddb9d48031d03cd"
WORDS = ("the", "of", "capital", "radio", "graph", "bridge", "paid", "1987", "Einstein", "born", "club", "released")


LOAD = """
import sys
from pathlib import Path
from memwalk.config import ModelSettings
from memwalk.models import load_embedder, load_language_model, load_parser
models, cache = ModelSettings(), Path(sys.argv[1])
stages = set()
def progress(stage, done, total):
    stages.add(stage)
    assert done <= total
embedder = load_embedder(models, cache, progress)
parser = load_parser(models, cache, progress)
lm = load_language_model(models, cache, progress)
print(embedder.dimension, len(list(parser("She paid. He left.").sents)), lm.fingerprint)
assert {s.split()[0] for s in stages} == {"fetching", "converting", "checking"}, stages
assert not any(p.requires_grad for p in lm.model.parameters()) and not lm.model.training
"""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A cache that a fresh process filled with packages alone, and what it printed."""
    cache = tmp_path_factory.mktemp("cache")
    env = os.environ | {"HF_HOME": str(cache / "hub"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LOAD, str(cache)], capture_output=True, text=True, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no bar, no warning, no chatter
    yield cache, done.stdout
    shutil.rmtree(cache)  # 0.7 GB


def test_an_empty_cache_is_enough(fresh: tuple[Path, str]) -> None:
    """All three models load from nothing; every file has its sum; the cheap fingerprint is the loaded one's."""
    cache, printed = fresh
    models = ModelSettings(offline=True)
    assert {resolve(role, models, cache).source for role in ROLES} == {"package"}
    assert check(models, cache) == []
    assert printed.split() == ["384", "2", language_model_fingerprint(models, cache)]


def test_converted_weights_are_those_of_the_gguf(fresh: tuple[Path, str], tmp_path: Path) -> None:
    """Conversion is reproducible to the bit, and so are the logits and the token ids."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    models = ModelSettings(offline=True, device="cpu")
    resolved = resolve("language_model", models, fresh[0])
    assert resolved.files["model.safetensors"].sha256 == CONVERTED
    lm = load_language_model(models, fresh[0])
    folder = str(tmp_path)  # the GGUF alone, without the files made of it
    (tmp_path / GGUF).symlink_to(resolved.folder / GGUF)
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=GGUF)
    direct = AutoModelForCausalLM.from_pretrained(folder, gguf_file=GGUF, dtype=torch.float32)
    turn = [{"role": "user", "content": "What is the capital of France? <|im_end|>"}]
    text = str(lm.tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=False))
    assert tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=False) == text
    ids = lm.tokenizer(text)["input_ids"]
    assert tokenizer(text)["input_ids"] == ids
    with torch.inference_mode():
        rows = torch.tensor([ids])
        assert torch.equal(lm.model(input_ids=rows).logits, direct(input_ids=rows).logits)


def test_a_text_has_one_vector(settings: Settings) -> None:
    """On a CPU: whatever the batch, its order and the threads; unit length, float32, equal to the library's own."""
    import numpy as np

    chosen = random.Random(3)  # a test's texts
    texts = [
        " ".join(chosen.choices(WORDS, k=k)) for k in (1, 2, 5, 12, 13, 14, 15, 29, 31, 60, 130, 300) for _ in "ab"
    ]
    cache = settings.cache_directory()
    one, two = (load_embedder(ModelSettings(device="cpu", threads=n), cache) for n in (1, 2))
    together = one.encode(texts)
    order = chosen.sample(range(len(texts)), len(texts))
    shuffled = np.empty_like(together)
    shuffled[order] = two.encode([texts[i] for i in order])
    assert np.array_equal(shuffled, together)
    assert np.array_equal(np.concatenate([two.encode([text]) for text in texts]), together)
    assert together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    plain = one._model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    assert np.abs(plain - together).max() < 1e-6
    assert one.encode([]).shape == (0, 384)


def test_spans_are_offsets_into_the_text(settings: Settings) -> None:
    """Every token's characters, without special tokens, however long the text is."""
    embedder = load_embedder(ModelSettings(device="cpu"), settings.cache_directory())
    text = "Unbelievable: Zoë's bridge.\n" * 300
    spans = embedder.spans(text)
    assert [text[start:end] for start, end in spans[:4]] == ["Unbelievable", ":", "Zoë", "'"]
    assert all(start < end <= following for (start, end), (following, _) in pairwise(spans))
    assert len(spans) > embedder.max_tokens
