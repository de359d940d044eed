# SPDX-License-Identifier: Apache-2.0
"""All that one `add` was given, as documents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from memwalk.errors import SourceError
    from memwalk.ingest import Source

__all__ = ["gather"]


def gather(
    paths: Iterable[str | Path],
    streams: Mapping[str, bytes],
    *,
    exclude: Sequence[Path],
    as_format: str | None,
) -> list[Source | SourceError]:
    """Read files, folders and streams; what cannot be read is among the results, as the error that says why.

    Raises
    ------
    InvalidArgument
        A format that there is not, or a name that names nothing.
    """
    from memwalk.ingest import read_sources, read_stream

    found: list[Source | SourceError] = []
    for path in paths:
        found += read_sources(Path(path).expanduser(), exclude, as_format=as_format)
    for name, data in streams.items():
        found += read_stream(data, name, as_format=as_format)
    return found
