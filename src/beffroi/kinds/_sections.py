"""Several looks at a host in one remote command, each with its own output and exit code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beffroi.errors import CouldNotLook
from beffroi.messages import say

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

_END = re.compile(r"\n@@beffroi (?P<name>[a-z0-9-]+) (?P<code>[0-9]+)@@\n")
_NOT_FOUND = 127


@dataclass(frozen=True)
class Section:
    """What one command answered: standard output and error together, and the exit code."""

    text: str
    code: int

    def lines(self) -> list[str]:
        """Return the lines that are not blank, without their margins."""
        return [line.strip() for line in self.text.splitlines() if line.strip()]


def look(host: LiveHost, commands: Mapping[str, str], may_fail: frozenset[str] = frozenset()) -> dict[str, Section]:
    """Run named POSIX sh commands in one go; names are lower case words.

    Raise CouldNotLook when the host did not answer them all, or when one outside `may_fail` failed: a command in
    `may_fail` tells something by its exit code, though never by being absent from the host.
    """
    script = "".join(
        f"{{ {command}\n}} 2>&1; printf '\\n@@beffroi {name} %s@@\\n' $?\n" for name, command in commands.items()
    )
    answer = host.run(script)
    pieces = _END.split(answer.stdout)
    found = {
        name: Section(text, int(code)) for text, name, code in zip(*(pieces[i:-1:3] for i in range(3)), strict=True)
    }
    if list(found) != list(commands) or len(pieces) != 3 * len(commands) + 1:
        raise CouldNotLook(say("sections-cut-short", asked=len(commands), seen=len(found), words=_tail(answer.stderr)))
    for name, section in found.items():
        if section.code == _NOT_FOUND or (section.code and name not in may_fail):
            raise CouldNotLook(say("sections-failed", name=name, code=section.code, words=_tail(section.text)))
    return found


def _tail(text: str) -> str:
    return text.strip()[-500:]
