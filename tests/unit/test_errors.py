# SPDX-License-Identifier: Apache-2.0
"""The error tree is what its docstring draws."""

from __future__ import annotations

import inspect
import re

from memwalk import errors


def drawn() -> dict[str, str]:
    """Class to parent, as drawn."""
    parents: dict[str, str] = {"MemwalkError": "Exception"}
    above = ["MemwalkError"]
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    ([│ ]*)[├└]── (\w+)", line)
        if match:
            depth = len(match[1]) // 4 + 1
            parents[match[2]] = above[depth - 1]
            above[depth:] = [match[2]]
    return parents


def test_tree_is_drawn() -> None:
    """Every class hangs where it is drawn, and every class is drawn and exported."""
    tree = drawn()
    found = {name: cls for name, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, Exception)}
    assert set(tree) == set(found) == set(errors.__all__)
    assert {name: cls.__bases__[0].__name__ for name, cls in found.items()} == tree


def test_retryable_is_marked() -> None:
    """`is_retryable` is answered by the class, and the drawing says for which."""
    marked = set(re.findall(r"(\w+) +\(retryable", errors.__doc__ or ""))
    assert marked == {n for n in errors.__all__ if getattr(errors, n).is_retryable()}


def test_no_builtin_is_shadowed() -> None:
    """No error bears the name of a builtin."""
    import builtins

    assert not set(errors.__all__) & set(dir(builtins))
