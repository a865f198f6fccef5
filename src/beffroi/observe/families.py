"""Questions of one family put to one process: `stat` of forty files is one `stat`. Pure.

A host spends most of a batch on starting processes. What a family prints is taken apart again only where it can be
told, line by line, to whom it belongs and what the single command would have printed; any other member is asked singly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .connection import Completed
from .words import pipeline

_STAT_LETTERS = "aUuGgsYi"
_ENABLED = {"enabled": 0, "static": 0, "alias": 0, "indirect": 0, "generated": 0, "disabled": 1, "masked": 1}
"""What `systemctl is-enabled` prints, and the exit code that goes with it (systemctl(1), table 1)."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9@+._:-]*")
_PATH = re.compile(r"/[A-Za-z0-9@+._:/,=-]+")


@dataclass(frozen=True)
class Member:
    """One command of a family: the program as it was called, what is asked (a letter or a format), and of what."""

    program: str
    asked: str
    subject: str


class Family(Protocol):
    """How one family is recognised, asked and taken apart. `direct`: its command is a program and its arguments."""

    direct: bool

    def member(self, words: Sequence[str]) -> Member | None:
        """Return the member that a plain command is, if it is one."""
        ...

    def command(self, program: str, subjects: Sequence[str]) -> str:
        """Return the one command that asks about all subjects."""
        ...

    def apart(self, said: Completed, members: Sequence[Member]) -> Iterator[tuple[Member, Completed]]:
        """Yield what each member would have left behind, for those of which that is certain."""
        ...


class _Stat:
    direct = True

    def member(self, words: Sequence[str]) -> Member | None:
        if len(words) != len(("stat", "-Lc", "%a", "path")) or words[1] != "-Lc" or not _PATH.fullmatch(words[3]):
            return None
        letter = words[2][1:]
        asks = words[2].startswith("%") and len(letter) == 1 and letter in _STAT_LETTERS
        return Member(words[0], letter, words[3]) if asks else None

    def command(self, program: str, subjects: Sequence[str]) -> str:
        return f"{program} -Lc '{' '.join(f'%{letter}' for letter in _STAT_LETTERS)} %n' {' '.join(subjects)}"

    def apart(self, said: Completed, members: Sequence[Member]) -> Iterator[tuple[Member, Completed]]:
        rows = (line.split(" ", len(_STAT_LETTERS)) for line in _lines(said))
        found = {row[-1]: dict(zip(_STAT_LETTERS, row, strict=False)) for row in rows if len(row) > len(_STAT_LETTERS)}
        for member in members:
            if member.subject in found:
                yield member, _printed(found[member.subject][member.asked])


class _Sysctl:
    direct = True

    def member(self, words: Sequence[str]) -> Member | None:
        if len(words) != len(("sysctl", "-n", "name")) or words[1] != "-n" or not words[0].endswith("sysctl"):
            return None
        return Member(words[0], "", words[2]) if re.fullmatch(r"[a-z0-9_.]+", words[2]) else None

    def command(self, program: str, subjects: Sequence[str]) -> str:
        return f"{program} {' '.join(subjects)}"

    def apart(self, said: Completed, members: Sequence[Member]) -> Iterator[tuple[Member, Completed]]:
        rows = [line.partition(" = ") for line in _lines(said)]
        known = {member.subject for member in members}
        if any(name not in known or not separator for name, separator, _ in rows):
            return  # a value of several lines: whose they are is anybody's guess
        values = {name: value for name, _, value in rows}
        yield from ((member, _printed(values[member.subject])) for member in members if member.subject in values)


class _Dpkg:
    direct = True
    _FORMATS = {"${Status}": 0, "${Status} ${Version}": 1}

    def member(self, words: Sequence[str]) -> Member | None:
        if len(words) != len(("dpkg-query", "-f", "format", "-W", "name")) or (words[1], words[3]) != ("-f", "-W"):
            return None
        asks = words[2] in self._FORMATS and re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", words[4])
        return Member(words[0], words[2], words[4]) if asks else None

    def command(self, program: str, subjects: Sequence[str]) -> str:
        return f"{program} -f '${{Package}}\\t${{Status}}\\t${{Version}}\\n' -W {' '.join(subjects)}"

    def apart(self, said: Completed, members: Sequence[Member]) -> Iterator[tuple[Member, Completed]]:
        rows: dict[str, list[list[str]]] = {}
        for line in _lines(said):
            name, *rest = line.split("\t")
            rows.setdefault(name, []).append(rest)
        for member in members:
            match rows.get(member.subject, []):
                case [[status, version]]:  # installed for two architectures, a package has two lines
                    both = status if self._FORMATS[member.asked] == 0 else f"{status} {version}"
                    yield member, Completed(both.encode(), b"", 0)


class _Unit:
    """`systemctl is-enabled` and `is-active`: one line a unit, in order, until the first that is not known."""

    direct = True

    def __init__(self, verb: str, codes: Mapping[str, int]) -> None:
        self._verb, self._codes = verb, codes

    def member(self, words: Sequence[str]) -> Member | None:
        asks = len(words) == len(("systemctl", "verb", "unit")) and words[1] == self._verb and _NAME.fullmatch(words[2])
        return Member(words[0], "", words[2]) if asks else None

    def command(self, program: str, subjects: Sequence[str]) -> str:
        return f"{program} {self._verb} {' '.join(subjects)}"

    def apart(self, said: Completed, members: Sequence[Member]) -> Iterator[tuple[Member, Completed]]:
        subjects = list(dict.fromkeys(member.subject for member in members))
        lines = _lines(said)
        if len(lines) != len(subjects) or said.stderr:
            return
        states = dict(zip(subjects, lines, strict=True))
        for member in members:
            state = states[member.subject]
            if state in self._codes:
                yield member, _printed(state, self._codes[state])


class _Found:
    """`command -v`: the login shell's own, so it says itself what it answers for each name, and the exit code."""

    direct = False

    def member(self, words: Sequence[str]) -> Member | None:
        asks = len(words) == len(("command", "-v", "name")) and words[1] == "-v"
        return Member(words[0], "", words[2]) if asks and re.fullmatch(r"[A-Za-z0-9/._-]+", words[2]) else None

    def command(self, program: str, subjects: Sequence[str]) -> str:
        each = f'printf "%s " "$name"; {program} -v "$name"; printf " %d\\n" $?'
        return f"for name in {' '.join(subjects)}; do {each}; done"

    def apart(self, said: Completed, members: Sequence[Member]) -> Iterator[tuple[Member, Completed]]:
        text = said.stdout.decode("utf-8", "surrogateescape")
        found = {row["name"]: row for row in re.finditer(r"(?m)^(?P<name>\S+) (?P<line>\S.*\n)? (?P<code>\d+)\n", text)}
        for member in members:
            if row := found.get(member.subject):
                yield member, Completed((row["line"] or "").encode("utf-8", "surrogateescape"), b"", int(row["code"]))


_FAMILIES: dict[str, tuple[Family, ...]] = {
    "command": (_Found(),),
    "stat": (_Stat(),),
    "sysctl": (_Sysctl(),),
    "dpkg-query": (_Dpkg(),),
    "systemctl": (_Unit("is-enabled", _ENABLED), _Unit("is-active", {"active": 0})),
}


@dataclass(frozen=True)
class Gathered:
    """Commands that one process answers: `members` are by the command that each of them is."""

    family: Family
    members: Mapping[str, Member]

    @property
    def command(self) -> str:
        """Return the one command that is asked."""
        subjects = dict.fromkeys(member.subject for member in self.members.values())
        return self.family.command(next(iter(self.members.values())).program, list(subjects))

    def apart(self, said: Completed) -> dict[str, Completed]:
        """Return what each command would have left behind; those that cannot be told are missing."""
        by_member = {member: command for command, member in self.members.items()}
        told = {by_member[member]: answer for member, answer in self.family.apart(said, list(by_member))}
        subjects = {member.subject for member in by_member} - {self.members[command].subject for command in told}
        # A complaint is a line about a subject that is not there; one line more is about another one, unnamed.
        return told if len(said.stderr.splitlines()) <= len(subjects) else {}


def gathered(commands: Iterable[str]) -> list[Gathered]:
    """Return the families of two and more among `commands`; a command of none is left to be asked singly."""
    found: dict[tuple[int, str], tuple[Family, dict[str, Member]]] = {}
    for command in commands:
        stages = pipeline(command)
        if stages is None or len(stages) != 1 or not stages[0].bare:
            continue
        words = stages[0].words
        for family in _FAMILIES.get(words[0].rpartition("/")[2], ()):
            if member := family.member(words):
                found.setdefault((id(family), member.program), (family, {}))[1][command] = member
    return [Gathered(family, members) for family, members in found.values() if len(members) > 1]


def _lines(said: Completed) -> list[str]:
    return said.stdout.decode("utf-8", "surrogateescape").splitlines()


def _printed(text: str, code: int = 0) -> Completed:
    return Completed(f"{text}\n".encode("utf-8", "surrogateescape"), b"", code)
