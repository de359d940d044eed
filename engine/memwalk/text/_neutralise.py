# SPDX-License-Identifier: Apache-2.0
"""Neutralising: what stands in memory stays readable, and can no longer steer a chat template."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["neutralise"]

_TWINS = {
    "<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
    ">": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
    "[": "\N{MATHEMATICAL LEFT WHITE SQUARE BRACKET}",
    "]": "\N{MATHEMATICAL RIGHT WHITE SQUARE BRACKET}",
    "|": "\N{BROKEN BAR}",
    "_": "\N{MODIFIER LETTER LOW MACRON}",
    ":": "\N{RATIO}",
}
"""Look-alikes that no chat template uses and that no Unicode normal form turns back."""

_BROKEN = "\N{REPLACEMENT CHARACTER}"
"""Where a marker has no sign with a look-alike."""

_MARKERS = (
    r"<\s*+\|[^<>\n]{0,60}\|\s*+>",  # <|im_end|>
    r"<\s*+/?+\s*+memory\b[^<>\n]{0,200}>?",  # memwalk's own delimiters
    r"<\s*+/?+\s*+(?:s|think|thinking|tool_call|tool_response|start_of_turn|end_of_turn|bos|eos|pad|unk)\s*+>",
    r"\[\s*+/?+\s*+(?:INST|SYSTEM_PROMPT|TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS)\s*+\]",
    r"<<\s*+/?+\s*+SYS\s*+>>",
    # A role at the start of a line, with or without Markdown's signs for a heading or bold.
    r"^[ \t]*+[#*]{0,4}[ \t]*+(?:system|user|assistant|human|developer)[ \t]*+\*{0,2}:",
    r"^[ \t]*+#{2,4}[ \t]*+(?:instruction|input|response)[ \t]*+:",
)
"""Turn markers of the chat formats in use, whichever model is loaded: text may travel to another one."""

_SIMPLE = re.compile(r"[\t\n -~]*")
"""Text that reads as it stands."""

_LINE_ENDS = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
_HIDDEN = frozenset({"Cc", "Cf", "Me", "Mn"})
"""Categories that a reader does not see, or sees as a mark on a letter; some tokenizers drop them."""


@lru_cache(maxsize=16)
def _patterns(tokens: frozenset[str]) -> tuple[re.Pattern[str] | None, re.Pattern[str]]:
    """What to look for in a text as it stands, and in one as it reads."""
    seen, literal = list(_MARKERS), []
    for token in sorted(tokens, key=lambda token: (-len(token), token)):
        reads = _reading(token)[0]
        if any(sign in _TWINS for sign in reads):
            seen.append(re.escape(reads))
        else:  # an accented letter may be a token: every plain one shall not be
            literal.append(re.escape(token))
    as_it_reads = re.compile("|".join(seen), re.IGNORECASE | re.MULTILINE)
    return re.compile("|".join(literal), re.IGNORECASE) if literal else None, as_it_reads


@lru_cache(maxsize=4096)
def _signs(character: str) -> str:
    """What a character reads as: without accents, in the plain form of its letter or sign; often nothing."""
    if character in _LINE_ENDS:
        return "\n"
    if character == "\t":
        return character
    plain = unicodedata.normalize("NFKD", character)
    return "".join(sign for sign in plain if unicodedata.category(sign) not in _HIDDEN)


def _reading(text: str) -> tuple[str, Sequence[int]]:
    """A text as it reads, and where each of its characters stands in the text."""
    if _SIMPLE.fullmatch(text):
        return text, range(len(text))
    signs: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        read = character if character.isascii() and character.isprintable() else _signs(character)
        signs.append(read)
        places += [place] * len(read)
    return "".join(signs), places


def _inert(text: str, found: Iterable[re.Match[str]], places: Sequence[int]) -> str:
    written = list(text)
    for match in found:
        signs = [(places[i], _TWINS[sign]) for i, sign in enumerate(match[0], match.start()) if sign in _TWINS]
        for place, twin in signs or [(places[match.start()], _BROKEN)]:
            written[place] = twin
    return "".join(written)


def neutralise(text: str, special_tokens: Iterable[str] = ()) -> str:
    r"""Make role markers, chat tokens and memory delimiters in a text visible but inert.

    Each is rewritten with look-alike characters, one for one: a person still reads what stood there,
    offsets stay what they were, and neither a tokenizer nor a chat template takes it for a marker.
    A marker is found in either case, in full-width or accented letters, and with invisible characters
    inside it, as tokenizers may read it. Everything else is untouched, and doing it again changes nothing.

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
    literal, as_it_reads = _patterns(frozenset(token for token in special_tokens if token.strip()))
    while True:
        # Tokens may overlap, so that breaking one leaves another; each pass leaves fewer signs to break.
        before = text
        if literal:
            text = _inert(text, literal.finditer(text), range(len(text)))
        read, places = _reading(text)
        text = _inert(text, as_it_reads.finditer(read), places)
        if text == before:
            return text
