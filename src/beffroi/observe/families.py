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
_ACCOUNT = re.compile(r"[a-z_][a-z0-9_-]*")
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
    """`systemctl is-enabled` and `is-active`: one line a unit, in order, up to the first that is not known.

    Where one is not known, or in another state than those whose exit code is certain, the host's `sh` asks about each
    by itself, and says the exit code and the complaint: one exchange all the same.
    """

    direct = True
    _ASKED = (
        'if said=$({ask} "$@" 2>&1) && ! printf "%s\\n" "$said" | grep -qvxE "{certain}"; '
        'then printf "%s\\n" "$said"; exit; fi; exec 3>&1; '
        'for each do said=$({ask} "$each" 2>&1 >&3 3>&-; printf "=%d" $?); '
        'printf "%s %d %s\\n" "$each" "${{said##*=}}" "${{said%=*}}"; done'
    )
    _SINGLY = r"(?P<state>[a-z-]+\n)?{subject} (?P<code>\d+) (?P<words>[^\n]*\n)?\n"

    def __init__(self, verb: str, codes: Mapping[str, int]) -> None:
        self._verb, self._codes = verb, codes

    def member(self, words: Sequence[str]) -> Member | None:
        asks = len(words) == len(("systemctl", "verb", "unit")) and words[1] == self._verb and _NAME.fullmatch(words[2])
        return Member(words[0], "", words[2]) if asks else None

    def command(self, program: str, subjects: Sequence[str]) -> str:
        asked = self._ASKED.format(ask=f"{program} {self._verb}", certain="|".join(self._codes))
        return f"/bin/sh -c '{asked}' sh {' '.join(subjects)}"

    def apart(self, said: Completed, members: Sequence[Member]) -> Iterator[tuple[Member, Completed]]:
        subjects = list(dict.fromkeys(member.subject for member in members))
        told = self._together(said, subjects) or self._singly(said, subjects)
        yield from ((member, told[member.subject]) for member in members if member.subject in told)

    def _together(self, said: Completed, subjects: Sequence[str]) -> dict[str, Completed]:
        states = _lines(said)
        if len(states) != len(subjects) or not self._codes.keys() >= set(states):
            return {}
        return {name: _printed(state, self._codes[state]) for name, state in zip(subjects, states, strict=True)}

    def _singly(self, said: Completed, subjects: Sequence[str]) -> dict[str, Completed]:
        text, place = said.stdout.decode("utf-8", "surrogateescape"), 0
        told: dict[str, Completed] = {}
        for name in subjects:
            found = re.compile(self._SINGLY.format(subject=re.escape(name))).match(text, place)
            if found is None:
                return {}
            out, err = ((found[part] or "").encode("utf-8", "surrogateescape") for part in ("state", "words"))
            told[name] = Completed(out, err, int(found["code"]))
            place = found.end()
        return told if place == len(text) else {}


class _Entry:
    """`getent passwd` and `getent group`: the lines of those that are there, in order (getent(1))."""

    direct = True
    _SOME_MISSING = 2

    def __init__(self, database: str) -> None:
        self._database = database

    def member(self, words: Sequence[str]) -> Member | None:
        asks = len(words) == len(("getent", "group", "name")) and words[1] == self._database
        return Member(words[0], "", words[2]) if asks and _ACCOUNT.fullmatch(words[2]) else None

    def command(self, program: str, subjects: Sequence[str]) -> str:
        return f"{program} {self._database} {' '.join(subjects)}"

    def apart(self, said: Completed, members: Sequence[Member]) -> Iterator[tuple[Member, Completed]]:
        lines = _lines(said)
        entries = {line.partition(":")[0]: line for line in lines}
        subjects = {member.subject for member in members}
        missing = subjects - entries.keys()
        code = self._SOME_MISSING if missing else 0
        if said.exit_code != code or said.stderr or len(lines) + len(missing) != len(subjects):
            return
        for member in members:
            line = entries.get(member.subject)
            yield member, Completed(b"", b"", self._SOME_MISSING) if line is None else _printed(line)


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
    "getent": (_Entry("passwd"), _Entry("group")),
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
