"""Words as Markdown that means nothing but themselves, on GitHub and on GitLab. Pure.

Sources: CommonMark 0.31 (backslash escapes, code spans), GitHub Flavored Markdown's autolinks, GitHub's and GitLab's
references (`@name`, `#1`, `!1`, `GH-1`, commits), which are looked for after Markdown is read, so that a backslash does
not stop them: a zero-width space does.
"""

from __future__ import annotations

import re

from .inline import Words

_ACTIVE = re.compile(
    r"[\\`*_{}\[\]<>|~#$^&@!%:]|\bwww(?=\.)|\bgh(?=-[0-9])|\b[0-9a-f](?=[0-9a-f]{6,39}\b)", re.IGNORECASE
)
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
_REFERRING = frozenset("#$^&@!%:~")
_BREAK = "&#8203;"
_BLOCK_START = re.compile(r"^(?:([0-9]{1,9})(?=[.)])|(?=[-+=]))")
_FENCES = re.compile("`+")


def inline(words: Words) -> str:
    """Return words as one line of Markdown that can also begin a block."""
    written = "".join(code(run.text) if run.code else prose(run.text) for run in words)
    return _BLOCK_START.sub(lambda start: f"{start[1] or ''}\\", written.strip(" "))


def code(text: str) -> str:
    """Return one line of text as a code span (CommonMark 6.1): between more backquotes than it holds in a row."""
    fence = "`" * (1 + max((len(run) for run in _FENCES.findall(text)), default=0))
    needs_room = text[:1] in ("`", " ") or text[-1:] in ("`", " ")
    room = " " if needs_room and text.strip(" ") else ""
    return f"{fence}{room}{text}{room}{fence}"


def prose(text: str) -> str:
    """Return one line of text in which nothing is markup, a link, a mention, a reference or an emoji."""
    return _ACTIVE.sub(_inert, text)


def _inert(active: re.Match[str]) -> str:
    word = active.group()
    if len(word) > 1 or word.isalnum():
        return word + _BREAK
    following = active.string[active.end() : active.end() + 1]
    shown = _ENTITIES.get(word, word if word in "@%:" else f"\\{word}")
    return shown + _BREAK if word in _REFERRING and following.strip() else shown
