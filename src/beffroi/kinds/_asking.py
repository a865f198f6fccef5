"""How kinds put a question to a host: one compound command a kind, its sections told apart by marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beffroi.errors import CouldNotLook
from beffroi.messages import say

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

_MARK = "@@beffroi "

SHARED_KERNEL = "shared kernel"
"""Why a kernel-wide setting is not judged in a container: the kernel is the computer's, not the machine's."""


def ask(host: LiveHost, command: str, *, accepted: tuple[int, ...] = (0,)) -> str:
    """Return what `command` prints on `host`; raise CouldNotLook when it ends with a status not in `accepted`."""
    result = host.run(command)
    if result.rc not in accepted:
        words = (result.stderr or result.stdout).strip()[-500:]
        raise CouldNotLook(say("kinds-a-command-failed", code=result.rc, words=words))
    return str(result.stdout)


def ask_all(host: LiveHost, **questions: str) -> dict[str, str]:
    """Run several commands in one go and return each one's output by its name; raise CouldNotLook if one fails."""
    script = "\n".join(f"echo '{_MARK}{name}'\n{command}" for name, command in questions.items())
    answers: dict[str, list[str]] = {}
    for line in ask(host, f"set -e\n{script}").splitlines(keepends=True):
        if line.startswith(_MARK):
            answers[line.removeprefix(_MARK).strip()] = []
        elif answers:
            next(reversed(answers.values())).append(line)
    if list(answers) != list(questions):
        raise CouldNotLook(say("kinds-a-cut-short", asked=len(questions), answered=len(answers)))
    return {name: "".join(lines) for name, lines in answers.items()}


def quoted(words: list[str]) -> str:
    """Return `words` as arguments that a POSIX shell reads literally."""
    return " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
