"""Captures come from machines that may lie: make every character visible, so that none can act on a reader's screen."""

from __future__ import annotations

import re

_UNSEEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1 controls but tab and line feed: escape sequences, NUL, carriage return
    "\xad\u061c\u180e\u200b-\u200f\u2028\u2029"  # invisible separators and marks
    "\u202a-\u202e\u2060-\u206f"  # bidirectional embeddings, overrides and isolates (CVE-2021-42574)
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # byte order mark, interlinear annotations, tags
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"  # lone surrogates and noncharacters: not legal in XML 1.0, nor in UTF-8
    "]"
)
_PICTURES = 0x2400
_DELETE = 0x7F


def visible(text: str) -> str:
    """Return `text` with whatever is invisible or acts on a screen replaced by a picture of it; lines are kept.

    Controls become the pictures of Unicode's block 2400 (`␛` for escape, `␀` for NUL), others their code: `⟨U+202E⟩`.
    Nothing is dropped: a reader sees that something was there. The answer is legal in XML 1.0 and in UTF-8.
    """
    return _UNSEEN.sub(_picture, text)


def one_line(text: str) -> str:
    """Return `visible(text)` on one line: line feeds and tabs become pictures as well."""
    return visible(text).replace("\n", "␤").replace("\t", "␉")


def shorten(text: str, length: int) -> str:
    """Return `text` on one line and within `length` characters, an ellipsis standing for what is cut."""
    flat = one_line(text)
    return flat if len(flat) <= length else flat[: length - 1].rstrip() + "…"


def _picture(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < ord(" "):
        return chr(_PICTURES + code)
    return "␡" if code == _DELETE else f"⟨U+{code:04X}⟩"
