"""Runs a town's own predicates, those that a person trusts, and reads what they answer. Nothing of it is believed.

Each is asked in a process of its own (`child.py`), started with nothing: no environment, no folder, no site packages.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from beffroi.city.words import Line
from beffroi.policy import Policy
from beffroi.predicates import child
from beffroi.predicates.written import MOST_BYTES, Predicate
from beffroi.report.visible import shorten
from beffroi.rules import Breach, Commitment, Own, Proposal, Unanswered
from beffroi.verdict import Frozen

SECONDS, MEBIBYTES = 10, 512
"""What one predicate may take, of time and of memory."""

_ENDING_SECONDS = 0.5
_MOST_BYTES = 1024 * 1024
_FLAGS = ("-P", "-s", "-S", "-B", "-X", "utf8")


class _Told(Frozen):
    """One breach as a predicate tells it: about what, where in the town's files, and in both languages."""

    subject: Line
    path: tuple[str | int, ...] = ()
    fr: Line
    en: Line


def answered(policies: Mapping[str, Policy], proposal: Proposal) -> dict[str, Own]:
    """Run the predicate of each policy that has one, about a proposal; return what each answered, by policy."""
    question = plain(proposal)
    return {
        name: _asked(policy.predicate, question, policy.params)
        for name, policy in policies.items()
        if policy.predicate is not None
    }


def plain(proposal: Proposal) -> dict[str, Any]:
    """Return a proposal as a predicate is given it: JSON under the names of the town's files."""
    before = proposal.before
    return {
        "today": proposal.today.isoformat(),
        "after": _plain(proposal.after),
        "before": None if before is None else _plain(before),
    }


def _plain(commitment: Commitment) -> dict[str, Any]:
    controls = {name: control.model_dump(mode="json") for name, control in commitment.controls.items()}
    waivers = [waiver.model_dump(mode="json", exclude_none=True) for waiver in commitment.waivers]
    city = commitment.city.model_dump(mode="json", by_alias=True)
    return {"city": city, "controls": controls, "waivers": waivers}


def _asked(predicate: Predicate, proposal: dict[str, Any], params: dict[str, Any]) -> Own:
    question = {
        "file": predicate.file,
        "text": predicate.text,
        "proposal": proposal,
        "params": params,
        "seconds": SECONDS,
        "mebibytes": MEBIBYTES,
    }
    with tempfile.TemporaryDirectory(prefix="beffroi-predicate-") as folder, tempfile.TemporaryFile() as file:
        file.write(json.dumps(question).encode())
        file.seek(0)
        answer, code = _run(file.fileno(), Path(folder))
    if answer is None or -code in (signal.SIGXCPU, signal.SIGALRM):
        return Unanswered("own_slow", {"place": f"{predicate.file}:1", "seconds": str(SECONDS)})
    return _read(answer, code, predicate.file)


def _run(question: int, folder: Path) -> tuple[bytes | None, int]:
    """Run the child; return what it wrote, None where its time was over, and its exit code."""
    process = subprocess.Popen(
        [sys.executable, *_FLAGS, str(Path(child.__file__).resolve())],
        stdin=question,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env={"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"},
        start_new_session=True,
    )
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    try:
        answer = _written(process.stdout.fileno(), time.monotonic() + SECONDS)
    finally:
        _await_end(process.pid)
        # What it may have started goes too; it is not reaped yet, so the group's number is still its own.
        os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()
        code = process.wait()
    return answer, code


def _await_end(process: int) -> None:
    """Give a child that has answered the time to end, and leave it unreaped."""
    deadline = time.monotonic() + _ENDING_SECONDS
    options = os.WEXITED | os.WNOWAIT | os.WNOHANG
    while os.waitid(os.P_PID, process, options) is None and time.monotonic() < deadline:
        time.sleep(0.002)


def _written(stream: int, deadline: float) -> bytes | None:
    """Return what is written until the other end closes, one byte more than may be at most; None beyond a time."""
    content = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while len(content) <= _MOST_BYTES:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return None
            part = os.read(stream, 65_536)
            if not part:
                return content
            content += part
    return content


def _read(answer: bytes, code: int, file: str) -> Own:
    if len(answer) > _MOST_BYTES:
        return _misanswered(file, f"more than {_MOST_BYTES} bytes")
    try:
        told = json.loads(answer)
    except (ValueError, RecursionError):
        words = f"signal {-code}" if code < 0 else f"exit {code}"
        return Unanswered("own_failed", {"place": f"{file}:1", "error": words})
    if not isinstance(told, dict):
        return _misanswered(file, "no object")
    if "fault" in told:
        return _fault(told, file)
    found = told.get("found")
    if not isinstance(found, list) or len(found) > child.MOST:
        return _misanswered(file, f"more than {child.MOST} breaches")
    return _breaches(found, file)


def _fault(told: dict[str, Any], file: str) -> Unanswered:
    if told["fault"] == "memory":
        return Unanswered("own_memory", {"place": f"{file}:1", "mebibytes": str(MEBIBYTES)})
    line = told.get("line")
    place = f"{file}:{line if isinstance(line, int) and 0 < line <= MOST_BYTES else 1}"
    return Unanswered("own_failed", {"place": place, "error": shorten(str(told.get("words")), 200)})


def _breaches(found: list[Any], file: str) -> Own:
    breaches = []
    for number, each in enumerate(found, 1):
        try:
            told = _Told.model_validate(each)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "-"
            return _misanswered(file, f"{number}: {where}: {first['msg']}")
        breaches.append(Breach(told.subject, told.path[:32], {"subject": told.subject, "fr": told.fr, "en": told.en}))
    return tuple(breaches)


def _misanswered(file: str, words: str) -> Unanswered:
    return Unanswered("own_answer", {"place": f"{file}:1", "words": shorten(words, 200)})
