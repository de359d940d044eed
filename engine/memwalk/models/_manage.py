# SPDX-License-Identifier: Apache-2.0
"""What `memwalk models list|pull|check` does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from memwalk.errors import ModelCorrupt
from memwalk.models._catalog import ROLES, find_entry, model_name
from memwalk.models._device import check_dtype
from memwalk.models._files import measure
from memwalk.models._fingerprint import fingerprint
from memwalk.models._resolve import Resolved, locate, resolve

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.config import ModelSettings
    from memwalk.models._catalog import Role
    from memwalk.progress import Progress

__all__ = ["ModelProblem", "ModelStatus", "check", "list_models", "pull"]


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One role's model, as `memwalk models list` shows it.

    Attributes
    ----------
    role, name
        What the settings ask for.
    source, origin, path
        Where it was resolved from; None if it was not yet.
    size
        Bytes on disk; those of the download if there is nothing yet and it is known.
    licence
        Of the model.
    fingerprint
        None if there is nothing yet.
    """

    role: Role
    name: str
    source: str | None
    origin: str | None
    path: Path | None
    size: int | None
    licence: str | None
    fingerprint: str | None


@dataclass(frozen=True, slots=True)
class ModelProblem:
    """One thing that is wrong with a model's files."""

    role: Role
    name: str
    detail: str


def list_models(models: ModelSettings, cache: Path) -> list[ModelStatus]:
    """What is here of each role. Reads records only: no network, no search, no hashing."""
    rows = []
    for role in ROLES:
        name, resolved = model_name(models, role), locate(role, models, cache)
        entry = find_entry(role, name)
        if resolved is None:
            size, licence = (entry.wheel_size, entry.licence) if entry else (None, None)
            rows.append(ModelStatus(role, name, None, None, None, size, licence, None))
            continue
        rows.append(
            ModelStatus(
                role,
                name,
                resolved.source,
                resolved.origin,
                resolved.folder,
                resolved.size,
                resolved.licence,
                fingerprint(resolved, _dtype(role, models)),
            )
        )
    return rows


def pull(
    models: ModelSettings, cache: Path, progress: Progress | None = None, *, refresh: bool = False
) -> list[Resolved]:
    """Make the three models be here: fetch what is missing, fetch again what is damaged.

    Parameters
    ----------
    models : ModelSettings
    cache : Path
        memwalk's cache folder.
    progress : Progress, optional
    refresh : bool
        Ask the sources anew, as if nothing had been resolved before: the newest commit of the hub wins over
        a package. Other weights have another fingerprint, so KV blocks and adapters built before are refused
        and vectors stored before are no longer comparable.

    Raises
    ------
    ModelUnavailable, ModelCorrupt, StorageFull
        As `resolve`.
    """
    found = []
    for role in ROLES:
        try:
            found.append(resolve(role, models, cache, progress, mode="refresh" if refresh else "use"))
        except ModelCorrupt:
            found.append(resolve(role, models, cache, progress, mode="repair"))
    return found


def check(models: ModelSettings, cache: Path, progress: Progress | None = None) -> list[ModelProblem]:
    """Read every file of the three models and compare its sha256.

    Files of packages are compared with the sums that ship with memwalk; everything else with what was recorded
    when it was first fetched or converted: for those this finds damage and later changes, not a bad first
    download (of the hub's weights the first download was checked against the hub's own sums).

    Returns
    -------
    problems : list of ModelProblem
        Empty if all is well. A model that is not here is a problem too.
    """
    problems = []
    for role in ROLES:
        name, resolved = model_name(models, role), locate(role, models, cache)
        if resolved is None:
            problems.append(ModelProblem(role, name, "not here, or parts of it are missing: `memwalk models pull`"))
            continue
        entry = find_entry(role, name)
        pinned = entry.files if entry is not None and resolved.source == "package" else {}
        present = [f for f in resolved.files if (resolved.folder / f).is_file()]
        problems += [
            ModelProblem(role, name, f"{resolved.folder / f} is missing") for f in resolved.files if f not in present
        ]
        if resolved.source == "folder":  # the user's own files may change; nothing says what they should be
            continue
        for file, actual in measure(resolved.folder, present, progress=progress, stage=f"checking {name}").items():
            expected = pinned.get(file, resolved.files[file].sha256)
            if actual.sha256 != expected:
                problems.append(
                    ModelProblem(role, name, str(ModelCorrupt(resolved.folder / file, expected, actual.sha256)))
                )
    return problems


def _dtype(role: Role, models: ModelSettings) -> str:
    """The dtype a role's weights are loaded in."""
    return check_dtype(models) if role == "language_model" else "float32"
