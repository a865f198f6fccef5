"""A command as every shell reads it alike: words, pipes, and the commonest redirections. Pure."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import lru_cache

# Outside quotes nothing that a shell expands, splits on or takes for a sign of its own; between double quotes nothing
# that it expands; between single quotes anything but what ends a line or a string.
_WORD = re.compile(r"""(?:[A-Za-z0-9_./:@%+,=-]|'[^'\0\n]*'|"[^"$`\\!\0\n]*")+""")
_ASSIGNMENT = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*=")
_REDIRECTION = re.compile(r"2>&1|2>/dev/null|>/dev/null(?: 2>&1)?")
_PIPE = re.compile(r"\|(?!\|)")
_SUDO = re.compile(r"(?P<prefix>sudo(?: -n)?(?: -u (?P<user>[A-Za-z0-9_.-]+))?) /bin/sh -c (?P<inner>\S.*)", re.DOTALL)


@dataclass(frozen=True)
class Simple:
    """A program's name and its arguments, unquoted; `bare` says that it is redirected nowhere."""

    words: tuple[str, ...]
    bare: bool = True


@lru_cache(maxsize=4096)  # a fleet is asked the same of each host
def pipeline(command: str) -> tuple[Simple, ...] | None:
    """Return the programs that `command` runs, each feeding the next; None when it is anything but plain words."""
    stages, place = [], 0
    while place <= len(command):
        words, bare, place = _stage(command, place)
        if not words or _ASSIGNMENT.match(words[0]):
            return None
        stages.append(Simple(tuple(words), bare))
        if place >= len(command):
            return tuple(stages)
        pipe = _PIPE.match(command, place)
        if pipe is None:
            return None
        place = pipe.end()
    return None


def _stage(command: str, place: int) -> tuple[list[str], bool, int]:
    words: list[str] = []
    bare = True
    while True:
        while command[place : place + 1] in {" ", "\t"}:
            place += 1
        if redirection := _REDIRECTION.match(command, place):
            bare, place = False, redirection.end()
        elif (word := _WORD.match(command, place)) and command[word.end() : word.end() + 1] in {"", " ", "\t", "|"}:
            words.append(shlex.split(word[0])[0])
            place = word.end()
        else:
            return words, bare, place


@dataclass(frozen=True)
class Elevated:
    """What to run and by whom: `prefix` is the `sudo` that leads to the account, nothing for the one logged in."""

    command: str
    prefix: str = ""


@lru_cache(maxsize=4096)
def elevated(command: str) -> Elevated:
    """Tell a command from the `sudo ... /bin/sh -c` around it, in the words in which testinfra puts it."""
    match = _SUDO.fullmatch(command)
    if match is None:
        return Elevated(command)
    try:
        inner = shlex.split(match["inner"])
    except ValueError:
        return Elevated(command)
    # The quotes must be those that put it there: else the shell around it would have read something else.
    if len(inner) != 1 or shlex.quote(inner[0]) != match["inner"]:
        return Elevated(command)
    return Elevated(inner[0], match["prefix"])
