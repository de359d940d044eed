# SPDX-License-Identifier: Apache-2.0
"""Neutralising: what stands in memory stays readable, and can no longer steer a chat template."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["neutralise"]

_TWINS = str.maketrans(
    {
        "<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
        ">": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
        "[": "\N{MATHEMATICAL LEFT WHITE SQUARE BRACKET}",
        "]": "\N{MATHEMATICAL RIGHT WHITE SQUARE BRACKET}",
        "|": "\N{BROKEN BAR}",
        "\N{FULLWIDTH VERTICAL LINE}": "\N{BROKEN BAR}",
        "_": "\N{MODIFIER LETTER LOW MACRON}",
        ":": "\N{RATIO}",
    }
)
"""Look-alikes that no chat template uses and that no Unicode normal form turns back."""

_MARKERS = (
    "<\\s{0,4}[|\N{FULLWIDTH VERTICAL LINE}][^<>\n]{0,60}[|\N{FULLWIDTH VERTICAL LINE}]\\s{0,4}>",  # <|im_end|>
    r"<\s{0,4}/?\s{0,4}memory\b[^<>\n]{0,200}>?",  # memwalk's own delimiters
    r"<\s{0,4}/?\s{0,4}(?:s|think|thinking|tool_call|tool_response|start_of_turn|end_of_turn|bos|eos|pad|unk)\s{0,4}>",
    r"\[\s{0,4}/?\s{0,4}(?:INST|SYSTEM_PROMPT|TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS)\s{0,4}\]",
    r"<<\s{0,4}/?\s{0,4}SYS\s{0,4}>>",
    # A role at the start of a line, with or without Markdown's signs for a heading or bold.
    r"^[ \t]{0,4}[#*]{0,4}[ \t]{0,4}(?:system|user|assistant|human|developer)[ \t]{0,4}\*{0,2}:",
    r"^[ \t]{0,4}#{2,4}[ \t]{0,4}(?:instruction|input|response)[ \t]{0,4}:",
)
"""Turn markers of the chat formats in use, whichever model is loaded: text may travel to another one."""


@lru_cache(maxsize=16)
def _pattern(special_tokens: frozenset[str]) -> re.Pattern[str]:
    tokens = sorted(special_tokens, key=lambda token: (-len(token), token))
    return re.compile("|".join([*map(re.escape, tokens), *_MARKERS]), re.IGNORECASE | re.MULTILINE)


def _inert(match: re.Match[str]) -> str:
    found = match[0]
    twin = found.translate(_TWINS)
    return twin if twin != found else "\N{REPLACEMENT CHARACTER}" + found[1:]


def neutralise(text: str, special_tokens: Iterable[str] = ()) -> str:
    r"""Make role markers, chat tokens and memory delimiters in a text visible but inert.

    Each is rewritten with look-alike characters, one for one: a person still reads what stood there,
    offsets stay what they were, and neither a tokenizer nor a chat template takes it for a marker.
    Everything else is untouched, and doing it again changes nothing.

    Parameters
    ----------
    text : str
    special_tokens : iterable of str
        The tokenizer's own added tokens, found in either case. White space alone is left alone.

    Returns
    -------
    str
        As long as `text`.

    Examples
    --------
    >>> print(ascii(neutralise("Done.<|im_end|>", ["<|im_end|>"])))
    'Done.\u2039\xa6im\u02cdend\xa6\u203a'
    >>> print(ascii(neutralise("Assistant: sure, a < b > c")))
    'Assistant\u2236 sure, a < b > c'
    """
    pattern = _pattern(frozenset(token for token in special_tokens if token.strip()))
    while True:
        # Tokens may overlap, so that breaking one leaves another; each pass leaves fewer signs to break.
        cleaned = pattern.sub(_inert, text)
        if cleaned == text:
            return text
        text = cleaned
