# SPDX-License-Identifier: Apache-2.0
"""Settings: frozen values, passed in. The environment is read here and nowhere else."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from memwalk.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "AdoptSettings",
    "EndpointSettings",
    "ExtractorSettings",
    "ModelSettings",
    "ServerSettings",
    "Settings",
    "StoreSettings",
    "prepare_process",
]

LTS = "5.26.30"
CURRENT = "2026.08.1"


def _env(name: str, default: Any, description: str) -> Any:
    return field(default=default, metadata={"env": name, "description": description})


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The local Neo4j that memwalk runs itself."""

    version: str = _env("MEMWALK_NEO4J_VERSION", LTS, "Neo4j version of the local server")
    heap: str = _env("MEMWALK_NEO4J_HEAP", "512m", "Java heap of the local server")
    page_cache: str = _env("MEMWALK_NEO4J_PAGE_CACHE", "256m", "page cache of the local server")
    java: str = _env("MEMWALK_NEO4J_JAVA", "", "more options for the local server's Java, as in a shell")
    bolt_port: int = _env("MEMWALK_NEO4J_BOLT_PORT", 0, "Bolt port of the local server; 0 picks a free one")
    http_port: int = _env("MEMWALK_NEO4J_HTTP_PORT", 0, "HTTP port for the Browser page; 0 picks a free one")
    idle_seconds: float = _env(
        "MEMWALK_NEO4J_IDLE", 900.0, "seconds without a client after which the local server stops"
    )
    start_seconds: float = _env("MEMWALK_NEO4J_START", 120.0, "seconds to wait for the local server's first answer")


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Somebody's own Neo4j; an empty `uri` means the local server."""

    uri: str = _env("NEO4J_URI", "", "address of a Neo4j to use instead of the local server")
    username: str = _env("NEO4J_USERNAME", "neo4j", "user name there")
    password: str = field(default="", repr=False, metadata={"env": "NEO4J_PASSWORD", "description": "password there"})
    database: str = _env("NEO4J_DATABASE", "neo4j", "database there")
    connect_seconds: float = _env("MEMWALK_NEO4J_CONNECT", 10.0, "seconds to wait for a connection")
    payloads: str = _env(
        "MEMWALK_PAYLOADS", "", "fsspec URL of the payload store; empty: a folder in the data directory"
    )


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """The three models: each a name on the Hugging Face hub or the path of a folder."""

    embedder: str = _env("MEMWALK_EMBEDDER", "sentence-transformers/all-MiniLM-L6-v2", "embedding model")
    parser: str = _env("MEMWALK_PARSER", "en_core_web_sm", "spaCy pipeline")
    language_model: str = _env("MEMWALK_LANGUAGE_MODEL", "HuggingFaceTB/SmolLM2-135M-Instruct", "language model")
    device: str = _env("MEMWALK_DEVICE", "auto", "torch device; auto takes an accelerator where there is one")
    dtype: str = _env("MEMWALK_DTYPE", "float32", "dtype of the language model's weights and caches")
    threads: int = _env("MEMWALK_THREADS", 2, "torch threads on the CPU")
    offline: bool = _env("MEMWALK_OFFLINE", default=False, description="never ask the network for a model or a jar")


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """An OpenAI-compatible endpoint; an empty `url` means none."""

    url: str = _env("OPENAI_BASE_URL", "", "base URL of an OpenAI-compatible endpoint")
    api_key: str = field(default="", repr=False, metadata={"env": "OPENAI_API_KEY", "description": "its key"})
    model: str = _env("MEMWALK_ENDPOINT_MODEL", "", "model name to ask for there")
    seconds: float = _env("MEMWALK_ENDPOINT_TIMEOUT", 60.0, "seconds to wait for a token")


@dataclass(frozen=True, slots=True)
class ExtractorSettings:
    """The endpoint that reads passages for `add --extractor endpoint`; what is empty is as in `EndpointSettings`."""

    url: str = _env("MEMWALK_EXTRACTOR_URL", "", "base URL of the endpoint that extracts; empty: OPENAI_BASE_URL")
    api_key: str = field(default="", repr=False, metadata={"env": "MEMWALK_EXTRACTOR_KEY", "description": "its key"})
    model: str = _env("MEMWALK_EXTRACTOR_MODEL", "", "model that extracts; empty: MEMWALK_ENDPOINT_MODEL")
    prompt: Path | None = _env("MEMWALK_EXTRACTOR_PROMPT", None, "TOML file that says how it is asked")
    seconds: float = _env("MEMWALK_EXTRACTOR_TIMEOUT", 120.0, "seconds to wait for what one passage says")
    requests: int = _env("MEMWALK_EXTRACTOR_REQUESTS", 4, "passages to ask about at a time")
    max_tokens: int = _env("MEMWALK_EXTRACTOR_MAX_TOKENS", 2048, "longest answer about one passage, in tokens")
    price_in: float = _env("MEMWALK_EXTRACTOR_PRICE_IN", 0.0, "price of a million tokens that are read there")
    price_out: float = _env("MEMWALK_EXTRACTOR_PRICE_OUT", 0.0, "price of a million tokens that are written there")

    def at(self, endpoint: EndpointSettings) -> ExtractorSettings:
        """With what is empty taken from the endpoint that answers; its key goes to its own address only."""
        own = bool(self.url) and self.url != endpoint.url
        return replace(
            self,
            url=self.url or endpoint.url,
            api_key=self.api_key if own else self.api_key or endpoint.api_key,
            model=self.model or endpoint.model,
        )


@dataclass(frozen=True, slots=True)
class AdoptSettings:
    """Somebody's database that `adopt` reads."""

    uri: str = _env("MEMWALK_ADOPT_URI", "", "address of the Neo4j that `adopt` reads")
    username: str = _env("MEMWALK_ADOPT_USERNAME", "neo4j", "user name there")
    password: str = field(default="", repr=False, metadata={"env": "MEMWALK_ADOPT_PASSWORD", "description": "password"})
    database: str = _env("MEMWALK_ADOPT_DATABASE", "neo4j", "database there")

    def needed(self) -> StoreSettings:
        """How to reach it.

        Raises
        ------
        ConfigurationError
            No address is set.
        """
        if not self.uri:
            raise ConfigurationError("MEMWALK_ADOPT_URI", "", "the address of the Neo4j to read, here or with --uri")
        return StoreSettings(self.uri, self.username, self.password, self.database)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything memwalk can be told, as one value."""

    server: ServerSettings = field(default_factory=ServerSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    models: ModelSettings = field(default_factory=ModelSettings)
    endpoint: EndpointSettings = field(default_factory=EndpointSettings)
    extractor: ExtractorSettings = field(default_factory=ExtractorSettings)
    adopt: AdoptSettings = field(default_factory=AdoptSettings)
    directory: Path | None = _env("MEMWALK_STORE", None, "data directory; empty: the user's data folder")
    cache: Path | None = _env("MEMWALK_CACHE", None, "cache for jars and models; empty: the user's cache folder")
    data: Path | None = _env("MEMWALK_DATA", None, "folder with evaluation data")
    debug: bool = _env(
        "MEMWALK_DEBUG", default=False, description="tell errors with their traceback, and log, on stderr"
    )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the environment.

        Parameters
        ----------
        environ : mapping of str to str, optional
            Defaults to the process environment.

        Raises
        ------
        ConfigurationError
            A variable holds a value of the wrong type.
        """
        source = os.environ if environ is None else environ
        settings = cls(
            server=_read(ServerSettings(), source),
            store=_read(StoreSettings(), source),
            models=_read(ModelSettings(), source),
            endpoint=_read(EndpointSettings(), source),
            extractor=_read(ExtractorSettings(), source),
            adopt=_read(AdoptSettings(), source),
        )
        return _read(settings, source)

    def cache_directory(self) -> Path:
        """The cache for jars and models, made if missing."""
        from platformdirs import user_cache_path

        path = self.cache or user_cache_path("memwalk", appauthor=False)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def data_directory(self) -> Path:
        """The default data directory."""
        from platformdirs import user_data_path

        return self.directory or user_data_path("memwalk", appauthor=False) / "store"


T = TypeVar("T")


def prepare_process() -> None:
    """Let idle compute threads sleep instead of spin; a program calls this before it loads torch.

    Two spinning threads on a core they share with others run several times slower.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _read(value: T, environ: Mapping[str, str]) -> T:
    changes: dict[str, Any] = {}
    for f in fields(value):  # type: ignore[arg-type]  # T is one of the dataclasses above
        name: str = f.metadata.get("env", "")
        text = environ.get(name, "") if name else ""
        if text:
            changes[f.name] = _convert(name, text, f.default)
    return replace(value, **changes)  # type: ignore[type-var]  # the same


def _convert(name: str, text: str, default: object) -> object:
    if isinstance(default, bool):
        if text.lower() in {"1", "true", "yes", "on"}:
            return True
        if text.lower() in {"0", "false", "no", "off"}:
            return False
        raise ConfigurationError(name, text, "true or false")
    if isinstance(default, int | float):
        try:
            return type(default)(text)
        except ValueError:
            raise ConfigurationError(name, text, "a number") from None
    return Path(text).expanduser() if default is None else text
