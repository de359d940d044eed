# SPDX-License-Identifier: Apache-2.0
"""Reads are logged before they are done: the record cannot depend on what comes of them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from memwalk.memory._session import Session

__all__ = ["logged"]

P = ParamSpec("P")
T = TypeVar("T")

_within: ContextVar[bool] = ContextVar("within a logged read", default=False)


class _Asker(Protocol):
    """Somebody who reads."""

    principal: str
    _session: Session


A = TypeVar("A", bound=_Asker)


def logged(action: str, *targets: str) -> Callable[[Callable[Concatenate[A, P], T]], Callable[Concatenate[A, P], T]]:
    """Log each call of a public read; reads that it makes itself are part of it.

    The call raises `StorageFull` or `AuditFailed` if it cannot be logged.

    Parameters
    ----------
    action : str
        What the log calls it.
    *targets : str
        The parameters that say what is asked for: a text, a unit or its exact version, a plan; several are joined.
    """

    def decorate(method: Callable[Concatenate[A, P], T]) -> Callable[Concatenate[A, P], T]:
        signature = inspect.signature(method)

        @functools.wraps(method)
        def read(asker: A, /, *args: P.args, **kwargs: P.kwargs) -> T:
            if _within.get():
                return method(asker, *args, **kwargs)
            given = signature.bind(asker, *args, **kwargs).arguments
            asked = [given[target] for target in targets if given.get(target) is not None]
            session = asker._session  # noqa: SLF001  # a method of its own
            with session.store.passage():  # or a graph that is loaded in between is read, and the log of another has it
                session.reads.append(asker.principal, action, _text(asked))
                token = _within.set(True)
                try:
                    return method(asker, *args, **kwargs)
                finally:
                    _within.reset(token)

        read.logged = action  # type: ignore[attr-defined]  # a test sees by it which methods are
        return read

    return decorate


def _text(asked: object) -> str:
    if isinstance(asked, str):
        return asked
    if isinstance(asked, Sequence):
        return "\x1f".join(_text(each) for each in asked)
    for name in ("id", "question"):  # of a unit or an exact version; of a plan
        found = getattr(asked, name, None)
        if isinstance(found, str):
            return found
    return str(asked)
