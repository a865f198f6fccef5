"""The audit account's answer, read: what each command of the probe printed, or why nothing can be said of it."""

from __future__ import annotations

from collections.abc import Sequence

from beffroi.errors import CouldNotLook
from beffroi.messages import say
from beffroi.probe import FORMAT, REFUSED

from .connection import Completed

_SHOWN = 200
_FIRST_WORDS = 3


def read(answer: bytes, asked: Sequence[str], pinned: str) -> dict[str, Completed]:
    """Return what each command in `asked` left behind, from one answer of the probe whose SHA-256 is `pinned`.

    Raise CouldNotLook when the machine refused to run its probe, runs another one than the town's controls make, or
    was cut short. A boundary drawn at random on the machine tells frames from whatever a command may print.
    """
    head, _, frames = answer.partition(b"\n")
    words = head.decode("utf-8", "replace").split(" ")
    if words[0] == REFUSED:
        raise CouldNotLook(say("audit-refused", found=" ".join(words[1:])[:_SHOWN]), hint=say("audit-refused-hint"))
    if words[0] != FORMAT or len(words) != _FIRST_WORDS or not words[2]:
        raise CouldNotLook(say("audit-not-understood", words=head[:_SHOWN].decode("utf-8", "replace")))
    if words[1] != pinned:
        raise CouldNotLook(say("audit-another-probe", found=words[1][:_SHOWN]), hint=say("audit-another-probe-hint"))
    pieces = frames.split(f"\n@@{words[2]} ".encode())
    found = _completed(pieces[1:-1])
    if found is None or len(found) != len(asked) or pieces[-1].strip() != f"done {len(asked)}".encode():
        raise CouldNotLook(say("audit-cut-short", asked=len(asked), answered=len(found or ())))
    return dict(zip(asked, found, strict=True))


def _completed(pieces: Sequence[bytes]) -> list[Completed] | None:
    """Return what `out N` and `end N CODE` frames hold, in order; None where one is missing or malformed."""
    found = []
    for number, (out, end) in enumerate(zip(pieces[::2], pieces[1::2], strict=False), start=1):
        opening, newline, stdout = out.partition(b"\n")
        closing, end_of_line, stderr = end.partition(b"\n")
        words = closing.split(b" ")
        well_formed = newline and end_of_line and opening == f"out {number}".encode() and len(words) == _FIRST_WORDS
        if not well_formed or words[:2] != [b"end", str(number).encode()] or not words[2].isdigit():
            return None
        found.append(Completed(stdout, stderr, int(words[2])))
    return None if len(pieces) % 2 else found
