# SPDX-License-Identifier: Apache-2.0
"""The Hugging Face hub and its cache: bounded waits, no bars, weights checked against the hub's own sums."""

from __future__ import annotations

from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memwalk.errors import ModelCorrupt
from memwalk.models._files import measure, missing_part, patterns, storage_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from memwalk.models._catalog import Role
    from memwalk.progress import Progress

__all__ = ["HubUnavailable", "fetch_from_hub", "find_in_hub_cache"]

ANSWER_SECONDS = 5.0


class HubUnavailable(Exception):
    """The hub does not answer, or does not give this model; the message says why."""


def find_in_hub_cache(role: Role, repository: str, revision: str | None = None) -> Path:
    """The snapshot of a repository that lies complete in the Hugging Face cache.

    Raises
    ------
    HubUnavailable
        None does.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    wanted, skipped = patterns(role)
    try:
        folder = Path(
            snapshot_download(
                repository,
                revision=revision,
                local_files_only=True,
                allow_patterns=list(wanted),
                ignore_patterns=list(skipped),
            )
        )
    except LocalEntryNotFoundError:
        raise HubUnavailable("not there") from None
    except ValueError as error:  # not a repository name at all
        raise HubUnavailable(_first_line(error)) from error
    lack = missing_part(role, folder)
    if lack:
        raise HubUnavailable(f"incomplete: {lack}")
    return folder


def fetch_from_hub(
    role: Role,
    repository: str,
    *,
    revision: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> tuple[Path, str]:
    """Download a repository's files into the Hugging Face cache.

    One small request asks what there is, and is given up after `ANSWER_SECONDS`: without a network this fails
    at once, behind a network that swallows packets within seconds. The hub tells the sha256 of large files;
    the weights are checked against it.

    Parameters
    ----------
    role : Role
    repository : str
    revision : str, optional
        A commit; the newest without one.
    force : bool
        Download again what lies in the cache.
    progress : Progress, optional

    Returns
    -------
    folder : Path
        The snapshot.
    licence : str
        As the hub states it.

    Raises
    ------
    HubUnavailable
        The hub does not answer, or does not give the model.
    ModelCorrupt
        A weight file is not what the hub says it is.
    StorageFull
        The disk is full.
    """
    from huggingface_hub import HfApi, constants, hf_hub_download
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # httpx2's, by the hub's door

    try:
        info = HfApi().model_info(repository, revision=revision, timeout=ANSWER_SECONDS, files_metadata=True)
        files = _wanted(role, info)
        if role != "parser" and not any(name.endswith(".safetensors") for name in files):
            raise HubUnavailable("no safetensors weights")
        total, done, folder = sum(size for size, _ in files.values()), 0, None
        with storage_errors(Path(constants.HF_HUB_CACHE)):
            for name, (size, sha256) in files.items():
                get = partial(
                    hf_hub_download,
                    repository,
                    name,
                    revision=revision,
                    etag_timeout=ANSWER_SECONDS,
                    tqdm_class=_bar(f"fetching {repository}", done, total, progress),
                )
                snapshot = _up(Path(get(force_download=force)), name)
                if sha256:
                    _verify(snapshot, name, sha256, again=partial(get, force_download=True))
                done += size
                if folder not in {None, snapshot}:
                    raise HubUnavailable("it changed while it was fetched; try again")
                folder = snapshot
    except HTTPError as error:
        raise HubUnavailable(f"{type(error).__name__}: {_first_line(error)}") from error
    except (OSError, ValueError) as error:  # offline mode, no entry, not a repository name
        raise HubUnavailable(f"{type(error).__name__}: {_first_line(error)}") from error
    if folder is None:
        raise HubUnavailable("the repository is empty")
    lack = missing_part(role, folder)
    if lack:
        raise HubUnavailable(lack)
    licence = info.card_data.get("license") if info.card_data else None
    return folder, str(licence or "see the repository")


def _verify(folder: Path, name: str, sha256: str, again: Callable[[], object]) -> None:
    """Compare a file with the hub's sum; what lay damaged in the cache is fetched once more, then given up."""
    if measure(folder, [name])[name].sha256 == sha256:
        return
    again()
    actual = measure(folder, [name])[name].sha256
    if actual != sha256:
        path = folder / name
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        raise ModelCorrupt(path, sha256, actual)


def _wanted(role: Role, info: Any) -> dict[str, tuple[int, str]]:
    wanted, skipped = patterns(role)
    return {
        s.rfilename: (s.size or 0, s.lfs.sha256 if s.lfs else "")
        for s in info.siblings or ()
        if any(fnmatch(s.rfilename, w) for w in wanted) and not any(fnmatch(s.rfilename, x) for x in skipped)
    }


def _up(path: Path, name: str) -> Path:
    return path.parents[name.count("/")]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0].rstrip(". ")


def _bar(stage: str, before: int, total: int, progress: Progress | None) -> Any:
    """A bar that draws nothing and reports to `progress`."""
    from huggingface_hub.utils.tqdm import tqdm

    class Bar(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs["disable"] = True
            super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]  # the library has none
            self.count = before + int(kwargs.get("initial") or 0)

        def update(self, n: float | None = 1) -> bool | None:
            self.count += int(n or 0)
            if progress is not None:
                progress(stage, min(self.count, total), total)
            return None

    return Bar
