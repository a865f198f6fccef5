"""Run a program of the system: its answer, or an error that says what it was and what it said."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from beffroi.errors import CouldNotAct, MissingTool
from beffroi.messages import say

_TIME_LIMIT = 120.0


def run(argv: Sequence[str], *, text: str | None = None, seconds: float = _TIME_LIMIT) -> str:
    """Run `argv` with `text` on its standard input and return its standard output.

    Raise MissingTool when the program is not installed, CouldNotAct when it fails or takes over `seconds`.
    """
    try:
        # Programs are ours, found on PATH; arguments are a list, never a shell's line.
        done = subprocess.run(argv, input=text or "", capture_output=True, text=True, timeout=seconds, check=False)
    except FileNotFoundError as error:
        raise MissingTool(say("lab-no-program", program=argv[0]), hint=say("lab-no-program-hint")) from error
    except subprocess.TimeoutExpired as error:
        raise CouldNotAct(say("lab-command-hangs", command=" ".join(argv), seconds=seconds)) from error
    if done.returncode:
        last_words = (done.stderr or done.stdout).strip()[-2000:]
        raise CouldNotAct(say("lab-command-failed", command=" ".join(argv), code=done.returncode, words=last_words))
    return done.stdout


def succeeds(argv: Sequence[str]) -> bool:
    """Tell whether `argv` ends with exit code 0."""
    try:
        run(argv)
    except CouldNotAct:
        return False
    return True
