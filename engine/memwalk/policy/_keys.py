# SPDX-License-Identifier: Apache-2.0
"""Keys of rights and of policy classes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["class_of", "covers", "right_of"]

_LONGEST = 1_000
"""Characters of a class key that is spelt out; index entries have a bound, and many sources make long keys."""


def right_of(space: str, unit: str = "") -> str:
    """The key of the right to a space, or to one unit of it that has grants or denials of its own.

    >>> right_of("work"), right_of("work", "0190")
    ('space:work', 'space:work/0190')

    Class keys join rights by ``+``, so a unit's id has it escaped:

    >>> right_of("work", "a+space:home")
    'space:work/a%2Bspace:home'
    """
    if not unit:
        return f"space:{space}"
    return f"space:{space}/{unit.replace('%', '%25').replace('+', '%2B')}"


def class_of(rights: Iterable[str]) -> str:
    """The key of the policy class that needs all these rights.

    >>> class_of(["space:work", "space:home", "space:work"])
    'space:home+space:work'
    """
    key = "+".join(sorted(set(rights)))
    return key if len(key) <= _LONGEST else f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def covers(dropped: Iterable[str], right: str) -> bool:
    """Whether a publish that let go of some rights let go of this one: itself, or that to its space.

    >>> covers(["space:work"], "space:work/0190"), covers(["space:work/0190"], "space:work")
    (True, False)
    """
    return any(right == key or ("/" not in key and right.startswith(f"{key}/")) for key in dropped)
