"""Many commands in one exec: the script that a host's `sh` reads, and what it prints told apart again. Pure.

Each command ends with a frame on both streams: the batch's boundary, the command's number, its exit code. The boundary
is 128 random bits, drawn anew for each batch, and it travels on the standard input of `sh`: never in an argument, a
variable that a command inherits or a file, where another account of the host could read it and forge a frame. Nothing
is written on the host. What is not framed to the letter was not answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .connection import Completed

_CODES = 256

# A login shell is called by its bare name, as sshd does: it says its name when it complains. `@` is the boundary.
_HEAD = """\
{
f() { set -- "$1" $?; printf '%s %d %d;' @ "$1" "$2"; printf '%s %d %d;' @ "$1" "$2" >&2; }
s=${SHELL:-/bin/sh}
n=${s##*/}
case $s in /bin/*|/usr/bin/*) case $(command -v "$n") in "/bin/$n"|"/usr/bin/$n") s=$n;; esac;; esac
(exit 0); f 0
"""

_TAIL = "exit 0\n}\n"


@dataclass(frozen=True)
class Line:
    """One command of a batch. `direct`: a program and its arguments that every shell reads alike; else a shell's own.

    A direct command costs the host one process; another one a shell first, the login shell unless `by` names one.
    """

    command: str
    direct: bool = False
    by: str = ""


def script(lines: Iterable[Line], boundary: str) -> bytes:
    """Return what `sh` is to read on its standard input: nothing of it runs unless all of it has arrived."""
    body = "".join(f"{_called(line)} </dev/null; f {number}\n" for number, line in enumerate(lines, 1))
    return (_HEAD.replace("@", boundary) + body + _TAIL).encode("utf-8", "surrogateescape")


def _called(line: Line) -> str:
    if line.direct:
        return line.command
    return f"{line.by or '$s'} -c '" + line.command.replace("'", "'\\''") + "'"


def read(stdout: bytes, stderr: bytes, count: int, boundary: str) -> list[Completed | None]:
    """Return what each of `count` commands left behind, None for one that was not answered.

    Whatever a login shell printed before the first frame is left out. Frames that are out of order, twice there or
    at odds between the two streams show a host that does not do as it was asked: then nothing was answered.
    """
    out, err = _split(stdout, boundary), _split(stderr, boundary)
    if out is None or err is None or len(out) > count + 1 or len(err) > count + 1:
        return [None] * count
    answered = list(zip(out, err, strict=False))
    if any(one[1] != other[1] for one, other in answered):
        return [None] * count
    whole = [Completed(one[0], other[0], one[1]) for one, other in answered[1:]]
    return [*whole, *[None] * (count - len(whole))]


def _split(stream: bytes, boundary: str) -> list[tuple[bytes, int]] | None:
    """Return (printed, exit code) for each frame, the opening one first; None when a frame is not as it should be."""
    printed, *rest = stream.split(boundary.encode())
    pieces: list[tuple[bytes, int]] = []
    for number, piece in enumerate(rest):
        frame = re.match(rb" (\d{1,9}) (\d{1,3});", piece)
        if frame is None and number == len(rest) - 1 and re.fullmatch(rb"( \d{0,9}( \d{0,3})?)?", piece):
            break  # cut short within this frame
        if frame is None or int(frame[1]) != number or int(frame[2]) >= _CODES:
            return None
        pieces.append((printed, int(frame[2])))
        printed = piece[frame.end() :]
    return pieces
