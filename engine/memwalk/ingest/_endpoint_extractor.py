# SPDX-License-Identifier: Apache-2.0
"""Entities and facts by a chat-completions endpoint: asked once for a passage, read strictly, counted."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from memwalk.errors import ConfigurationError, EndpointRefused, SourceError, SourceMalformed
from memwalk.ingest._answers import Answer
from memwalk.ingest._extract import Extraction, tidy
from memwalk.ingest._openie import wrong_entity, wrong_triple
from memwalk.models import complete_chat
from memwalk.text import neutralise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import httpx

    from memwalk.config import ExtractorSettings
    from memwalk.ingest._answers import Answers
    from memwalk.progress import Progress

__all__ = ["EndpointExtractor", "Prompt", "Spent"]

_SEEDS = (0, 1)
"""An answer that cannot be read is asked for once more, with another seed."""
_ABOUT_THE_PASSAGE = frozenset({400, 413, 422})
"""Refusals that another passage may not get: it is too long, or a filter takes offence."""
_FENCE = re.compile(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", re.DOTALL)
_SLOT = re.compile(r"\{(title|passage)\}")
_TOLD = 60
Pause = Callable[[float], None]


@dataclass
class Spent:
    """What an extractor cost.

    Attributes
    ----------
    requests : int
        Answers that were paid for.
    reused : int
        Passages whose answers had been paid for before.
    tokens_in, tokens_out : int
        As the endpoint counts them.
    cost : float or None
        In the currency of the prices that are set; None where none is.
    """

    requests: int = 0
    reused: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """How an endpoint is asked (`prompts/extract.toml`)."""

    system: str
    user: str
    examples: tuple[tuple[str, str, str], ...]
    digest: str

    @classmethod
    def read(cls, path: Path | None = None) -> Prompt:
        """Read the prompt that ships with memwalk, or somebody's own of the same form.

        Raises
        ------
        ConfigurationError
            There is none, or it is of another form.
        """
        try:
            source = path or files("memwalk.ingest").joinpath("prompts", "extract.toml")
            text = source.read_text(encoding="utf-8")
            told = tomllib.loads(text)
            examples = tuple(
                (e["title"].strip(), e["passage"].strip(), e["answer"].strip()) for e in told.get("example", [])
            )
            prompt = cls(told["system"].strip(), told["user"].strip(), examples, _digest(text))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            wanted = f"a TOML file like memwalk's own ({type(error).__name__}: {error})"
            raise ConfigurationError("MEMWALK_EXTRACTOR_PROMPT", str(path), wanted) from error
        if set(_SLOT.findall(prompt.user)) != {"title", "passage"}:
            raise ConfigurationError("MEMWALK_EXTRACTOR_PROMPT", str(path), "a `user` with {title} and {passage}")
        return prompt

    def messages(self, title: str, text: str) -> list[dict[str, str]]:
        """Ask about one passage, which stays data."""
        written = [{"role": "system", "content": self.system}]
        for example_title, passage, answer in self.examples:
            written.append({"role": "user", "content": self._ask(example_title, passage)})
            written.append({"role": "assistant", "content": answer})
        return [*written, {"role": "user", "content": self._ask(title, text)}]

    def _ask(self, title: str, text: str) -> str:
        fill = {"title": neutralise(" ".join(title.split())), "passage": neutralise(text)}
        return _SLOT.sub(lambda slot: fill[slot[1]], self.user)


class _Stopped(Exception):  # never leaves this file
    """Somebody else's failure, or Ctrl-C, ends this request's waiting."""


class EndpointExtractor:
    """Asks an endpoint what each passage says, a few passages at a time.

    An answer is kept as soon as it is there, so that what was paid for is not paid for again, whatever
    happens next. Rows of an answer that make no sense, and passages without any usable answer, are left out
    and told of by `take_skipped`.

    Parameters
    ----------
    settings : ExtractorSettings
        With an address and a model.
    space : str
        Answers are kept for one space: what another one holds is not to be told by what it saves.
    answers : Answers
    pause : callable, optional
        Waits so many seconds between two tries.

    Raises
    ------
    ConfigurationError
        No address or no model is set, or the prompt cannot be read.
    """

    def __init__(
        self, settings: ExtractorSettings, space: str, answers: Answers, *, pause: Pause | None = None
    ) -> None:
        if not settings.url:
            raise ConfigurationError(
                "MEMWALK_EXTRACTOR_URL", "", "the base URL of an OpenAI-compatible endpoint, here or in OPENAI_BASE_URL"
            )
        if not settings.model:
            raise ConfigurationError(
                "MEMWALK_EXTRACTOR_MODEL", "", "the name of a model there, here or in MEMWALK_ENDPOINT_MODEL"
            )
        self._settings = settings
        self._space = space
        self._answers = answers
        self._prompt = Prompt.read(settings.prompt)
        self._url = f"{settings.url.rstrip('/')}/chat/completions"
        self._stopping = threading.Event()
        self._pause = pause or self._wait
        self._lock = threading.Lock()
        self._skipped: list[SourceError] = []
        self._used: set[str] = set()
        self.spent = Spent(cost=0.0 if settings.price_in or settings.price_out else None)

    @property
    def name(self) -> str:
        """The model, and the prompt by its content."""
        return f"endpoint {self._settings.model} {self._prompt.digest}"

    def extract(self, passages: Sequence[tuple[str, str]], progress: Progress | None = None) -> list[Extraction]:
        """Ask about passages, given as title (may be empty) and text; one extraction each, in order.

        Raises
        ------
        EndpointFailed, EndpointRefused
            It cannot be asked. Answers that came before are kept.
        """
        once = {self._key(title, text): (title, text) for title, text in passages}
        found: dict[str, Extraction] = {}
        with self._client() as client:
            pool = ThreadPoolExecutor(self._settings.requests, thread_name_prefix="extract")
            try:
                asked = [pool.submit(self._read, client, key, *passage) for key, passage in once.items()]
                for key, answer in zip(once, asked, strict=True):
                    found[key] = answer.result()
                    if progress:
                        progress("extract", len(found), len(once))
            except BaseException:
                # What is on its way is paid for: let it arrive and be kept, and begin nothing more.
                self._stopping.set()
                raise
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
                self._stopping.clear()
        return [found[self._key(title, text)] for title, text in passages]

    def take_skipped(self) -> list[SourceError]:
        """What had to be left out since this was last asked."""
        taken, self._skipped = self._skipped, []
        return sorted(taken, key=str)

    def settle(self) -> None:
        """All that was asked for is in the store: let go of the answers."""
        self._answers.forget(self._used)
        self._used.clear()

    # --- one passage -------------------------------------------------------------------------------

    def _read(self, client: httpx.Client, key: str, title: str, text: str) -> Extraction:
        label = f"the passage {(title or text)[:_TOLD]!r}"
        wrong = ""
        for seed in _SEEDS:
            try:
                answer = self._answer(client, f"{key}-{seed}", seed, title, text)
            except EndpointRefused as refused:
                if refused.status not in _ABOUT_THE_PASSAGE:
                    raise
                wrong = f"the endpoint refused it: {refused.detail}: {refused.body[:200]}"
                break
            if not answer.is_whole:
                wrong = "the answer was cut off: MEMWALK_EXTRACTOR_MAX_TOKENS allows longer ones"
                break
            rows, wrong = _rows(answer.text)
            if not wrong:
                return self._tidy(label, rows)
        with self._lock:
            self._skipped.append(SourceMalformed(label, wrong))
        return Extraction()

    def _answer(self, client: httpx.Client, key: str, seed: int, title: str, text: str) -> Answer:
        held = self._answers.get(key)
        with self._lock:
            self._used.add(key)
            self.spent.reused += held is not None
        if held is not None:
            return held
        if self._stopping.is_set():
            raise _Stopped
        settings = self._settings
        body = {
            "model": settings.model,
            "messages": self._prompt.messages(title, text),
            "max_tokens": settings.max_tokens,
            "temperature": 0.0,
            "seed": seed,
            "response_format": {"type": "json_object"},
        }
        told = complete_chat(client, self._url, body, pause=self._pause)
        answer = Answer(told.text, told.is_whole)
        self._answers.put(key, answer)
        with self._lock:
            self.spent.requests += 1
            self.spent.tokens_in += told.tokens_in
            self.spent.tokens_out += told.tokens_out
            if self.spent.cost is not None:
                price = told.tokens_in * settings.price_in + told.tokens_out * settings.price_out
                self.spent.cost += price / 1_000_000
        return answer

    def _tidy(self, label: str, rows: dict[str, list[Any]]) -> Extraction:
        good: dict[str, list[Any]] = {"entities": [], "triples": []}
        for what, check in (("entities", wrong_entity), ("triples", wrong_triple)):
            for place, row in enumerate(rows[what]):
                why = check(row)
                if why:
                    shown = json.dumps(row, ensure_ascii=False)[:200]
                    with self._lock:
                        self._skipped.append(SourceMalformed(self._url, f"{label}: {what}[{place}]: {why}: {shown}"))
                else:
                    good[what].append(row)
        return tidy(good["entities"], good["triples"])

    def _key(self, title: str, text: str) -> str:
        return _digest(json.dumps([self._space, self.name, title, text]), 64)

    def _wait(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise _Stopped

    def _client(self) -> httpx.Client:
        import httpx

        settings = self._settings
        headers = {"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}
        timeout = httpx.Timeout(settings.seconds, connect=min(10.0, settings.seconds))
        return httpx.Client(timeout=timeout, headers=headers)


def _rows(text: str) -> tuple[dict[str, list[Any]], str]:
    """The lists of an answer, and why there are none."""
    fenced = _FENCE.fullmatch(text)
    try:
        told = json.loads(fenced[1] if fenced else text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return {}, f"the answer is no JSON ({error}): {text[:200]!r}"
    if not isinstance(told, dict):
        return {}, f"the answer is no JSON object: {text[:200]!r}"
    rows: dict[str, list[Any]] = {}
    for what in ("entities", "triples"):
        found = told.get(what)
        if not isinstance(found, list):
            return {}, f'the answer has no list of "{what}": {text[:200]!r}'
        rows[what] = found
    return rows, ""


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _digest(text: str, length: int = 12) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]
