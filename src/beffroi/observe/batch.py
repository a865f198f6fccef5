"""Many questions to one host in one exec, over whatever connection leads there."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from beffroi.errors import CouldNotLook
from beffroi.messages import say

from .connection import Bounds, Completed, Connection, CutShort
from .families import Gathered, gathered
from .frames import Line, read, script
from .probes import Probe, probe
from .words import elevated, pipeline

Answer = Completed | CouldNotLook
"""What a command left behind, or why that is not known. Never one for the other."""

_SECONDS_A_COMMAND = 0.25
_CUTS = 4
"""How often a host may hang, flood or hang up before nothing more is asked of it."""

_NOT_RUN = frozenset({126, 127})
"""Exit codes with which a shell says, in words of its own, that it could not run a program."""

_BUILT_IN = frozenset({"[", "command", "echo", "false", "printf", "pwd", "test", "true", "type", "umask", "which"})
"""Commands that a login shell may take for its own."""


@dataclass(frozen=True)
class Batches:
    """Asks one host many questions at once.

    `bounds` are those of one command: a batch has some more time, and no more output than one command.
    """

    connection: Connection
    bounds: Bounds

    async def ask(self, commands: Iterable[str]) -> dict[str, Answer]:
        """Return the answer to each command: one exec for all, and one more for each `sudo` that stands before some.

        They must be such that it does not matter which runs first, and how often. Those of one family are put to one
        process.
        """
        by_prefix: dict[str, dict[str, str]] = {}
        for command in dict.fromkeys(commands):
            inner = elevated(command)
            by_prefix.setdefault(inner.prefix, {})[inner.command] = command
        rounds = [_Round(self, prefix).ask(list(known)) for prefix, known in by_prefix.items()]
        answered = await asyncio.gather(*rounds)
        of_prefix = zip(by_prefix.values(), answered, strict=True)
        return {known[inner]: answer for known, answers in of_prefix for inner, answer in answers.items()}


@dataclass
class _Round:
    """The questions that go by one `sudo`, or by none."""

    batches: Batches
    prefix: str
    cuts: int = 0

    async def ask(self, commands: Sequence[str]) -> dict[str, Answer]:
        families = gathered(commands)
        in_family = {command for family in families for command in family.members}
        singles = [self._line(command) for command in commands if command not in in_family]
        asked = [*(Line(it.command, direct=it.family.direct, by=self._shell) for it in families), *singles]
        said = await self._answered(asked)
        answers = _apart(families, said)
        for line, answer in zip(singles, said[len(families) :], strict=True):
            if not (line.direct and _is_a_shells(answer)):
                answers[line.command] = answer
        unsure = [command for command in commands if command not in answers]
        again = await self._answered([Line(command, by=self._shell) for command in unsure])
        return answers | dict(zip(unsure, again, strict=True))

    @property
    def _shell(self) -> str:
        return "/bin/sh" if self.prefix else ""

    def _line(self, command: str) -> Line:
        return Line(command, direct=_is_alike_everywhere(command), by=self._shell)

    async def _answered(self, lines: Sequence[Line]) -> list[Answer]:
        """Ask `lines`; where an exec is cut short, go on behind what it answered.

        One that answered nothing blames its first command, and goes on behind that.
        """
        answers: list[Answer] = []
        while len(answers) < len(lines):
            rest = lines[len(answers) :]
            said, error = await self._exec(rest)
            if isinstance(error, CutShort) and self.cuts < _CUTS:
                self.cuts += 1
                whole = [answer for answer in said if answer is not None]
                answers += whole or [error]
            else:
                unanswered = error or CouldNotLook(say("observe-no-frame"), where=self.batches.connection.host)
                answers += [unanswered if answer is None else answer for answer in said]
        return answers

    async def _exec(self, lines: Sequence[Line]) -> tuple[list[Completed | None], CouldNotLook | None]:
        boundary, bounds = secrets.token_hex(16), self.batches.bounds
        seconds = bounds.seconds + _SECONDS_A_COMMAND * (len(lines) - 1)
        reader = f"{self.prefix} /bin/sh" if self.prefix else "exec /bin/sh"
        try:
            done = await self.batches.connection.run(
                reader, stdin=script(lines, boundary), bounds=Bounds(seconds=seconds, output=bounds.output)
            )
        except CutShort as error:
            return read(error.stdout, error.stderr, len(lines), boundary), error
        except CouldNotLook as error:
            return [None] * len(lines), error
        said = read(done.stdout, done.stderr, len(lines), boundary)
        words = done.stderr.decode("utf-8", "replace").strip()[-500:]
        if said[:1] == [None] and words:  # such as sudo's own: it was never `sh` that answered
            return said, CouldNotLook(say("observe-no-frame-words", words=words), where=self.batches.connection.host)
        return said, None


def _is_alike_everywhere(command: str) -> bool:
    """Tell whether the shell that reads the batch may run `command` itself, instead of the shell that it was meant for.

    Only a program that is known to be one: a plain word may be a shell's own, such as `exit`, or mean nothing.
    """
    stages = pipeline(command)
    if stages is None or len(stages) > 1 or not stages[0].bare or probe(command) is Probe.NONE:
        return False
    words = stages[0].words
    tests = len(words) == len(("test", "-e", "path")) and words[0] == "test"
    return tests or words[0] not in _BUILT_IN


def _is_a_shells(answer: Answer) -> bool:
    """Tell whether the words of a direct command's answer may be those of the shell that read the batch."""
    return isinstance(answer, Completed) and answer.exit_code in _NOT_RUN


def _apart(families: Sequence[Gathered], said: Sequence[Answer]) -> dict[str, Answer]:
    """Return what is told of each member of a family; one that was blamed for a cut leaves all to be asked singly."""
    told: dict[str, Answer] = {}
    for family, answer in zip(families, said, strict=False):
        if isinstance(answer, Completed):
            told |= family.apart(answer)
        elif not isinstance(answer, CutShort):
            told |= dict.fromkeys(family.members, answer)
    return told
