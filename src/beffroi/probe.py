"""The audit account's probe: one POSIX sh program that asks a machine all that its controls ask, and takes no argument.

A kind's commands are known beforehand: they depend on what the machine is held to, never on what it answers. So the
program is derived from the declaration, and its digest pins it. Pure.

It prints frames: a first line with the program's digest and a boundary drawn at random, which no output can foresee;
then for each command its output, its exit code and its errors; then how many there were.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from beffroi import kinds
from beffroi.errors import UNREADABLE, CouldNotLook
from beffroi.kinds import SettingModel

FORMAT = "beffroi-audit-1"
"""The first word of an answer."""

REFUSED = "beffroi-audit-refused"
"""The first word of a machine that found another probe than the pinned one, and did not run it."""

_HEAD = f"""\
# Read-only look at this machine, for auditors. Written by Beffroi from the town's controls; pinned by its SHA-256.
export LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin
boundary=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n')
[ ${{#boundary}} = 32 ] || exit 1
count=0
# Output goes straight out; errors wait in a variable, so that nothing is ever written to a file.
look() {{
  count=$((count + 1))
  printf '\\n@@%s out %s\\n' "$boundary" "$count"
  errors=$({{ /bin/sh -c "$1" >&3 3>&- < /dev/null; }} 2>&1; printf '=%s' "$?")
  printf '\\n@@%s end %s %s\\n%s' "$boundary" "$count" "${{errors##*=}}" "${{errors%=*}}"
}}
exec 3>&1
printf '{FORMAT} %s %s\\n' "$pinned" "$boundary"
"""
_TAIL = """\
printf '\\n@@%s done %s\\n' "$boundary" "$count"
"""


@dataclass(frozen=True)
class _Silence:
    """What a command answers while it is only being noted."""

    rc: int = 0
    stdout: str = ""
    stderr: str = ""


class _Noting:
    """A live host that notes what it is asked and answers nothing."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    def run(self, command: str) -> _Silence:
        self.commands.append(command)
        return _Silence()


def commands(asked: Mapping[str, Sequence[SettingModel]]) -> tuple[str, ...]:
    """Return the commands that kinds run to look at settings, each once, in order.

    `asked` gives each kind's settings. A kind that cannot read silence has asked its question all the same; one whose
    later questions depended on answers would be found wanting by whoever replays them (CouldNotLook, never a verdict).
    """
    found: dict[str, None] = {}
    for name, settings in asked.items():
        try:
            noted = _noted_once(name, tuple(settings))
        except TypeError:  # a setting that holds a dictionary has no hash
            noted = _noted(name, settings)
        found.update(dict.fromkeys(noted))
    return tuple(found)


@lru_cache(maxsize=4096)
def _noted_once(name: str, settings: tuple[SettingModel, ...]) -> tuple[str, ...]:
    """Return what one kind asks, once for all machines that are held to the same settings."""
    return _noted(name, settings)


def _noted(name: str, settings: Sequence[SettingModel]) -> tuple[str, ...]:
    noting = _Noting()
    with suppress(CouldNotLook, *UNREADABLE):
        kinds.load(name).observe(_as_host(noting), list(settings))
    return tuple(noting.commands)


def _as_host(noting: _Noting) -> Any:  # noqa: ANN401 - testinfra's Host is untyped, and kinds use `run` alone
    return noting


def program(asked: Iterable[str]) -> str:
    """Return the probe that runs the commands in `asked`; `$pinned` is set by whoever runs it."""
    return _HEAD + "".join(f"look {_quoted(command)}\n" for command in asked) + _TAIL


def digest(text: str) -> str:
    """Return a program's SHA-256, in hexadecimal: what pins it."""
    return sha256(text.encode()).hexdigest()


def _quoted(word: str) -> str:
    """Return a word as a POSIX shell reads it literally."""
    return "'" + word.replace("'", "'\\''") + "'"
