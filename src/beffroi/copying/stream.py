"""Send one store to whoever holds the other end of standard output: `stream files PATH` or `stream database NAME`.

systemd starts it, with the store's rights and no word of the caller's. A last line tells whoever receives it that
nothing is missing: the SHA-256 of all that came before, that of the marker (or zeros) and one of the machine.
Runs alone on the machine that keeps the store.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import IO

MARKER = ".beffroi-marker"
NO_MARKER = "0" * 64
END = "\nbeffroi-copy 1 {stream} {marker} {machine}\n"
PIECE = 1 << 20

# What may change while it is read, tar says with 1; the next copy has it whole (GNU tar's manual, "Exit status").
GOOD = {"files": frozenset({0, 1}), "database": frozenset({0})}


def commands(sort: str, place: str) -> list[str]:
    """Return the program that writes the store to its standard output."""
    if sort == "database":
        return ["/usr/bin/pg_dump", "--format=custom", "--no-password", place]
    return ["/usr/bin/tar", f"--directory={place}", "--one-file-system", "--create", "--file=-", "."]


def mark(folder: Path) -> str:
    """Write a fresh marker into a store, at once and whole; return its SHA-256."""
    text = secrets.token_hex(32) + "\n"
    draft = folder / f"{MARKER}.new"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    draft.replace(folder / MARKER)
    return hashlib.sha256(text.encode()).hexdigest()


def machine() -> str:
    """Return a digest of this machine's identity, which stays secret (machine-id(5))."""
    return hashlib.sha256(b"beffroi-copy " + Path("/etc/machine-id").read_bytes().strip()).hexdigest()


def passed_on(source: IO[bytes], sink: IO[bytes]) -> str:
    """Copy all of a stream; return its SHA-256."""
    digest = hashlib.sha256()
    while piece := source.read(PIECE):
        digest.update(piece)
        sink.write(piece)
    return digest.hexdigest()


def main(sort: str, place: str) -> int:
    """Send the store; the last line is missing when anything went wrong."""
    marker = mark(Path(place)) if sort == "files" else NO_MARKER
    # What these programs complain of may name files, and the journal is no place for that: their exit code says enough.
    writer = subprocess.Popen(commands(sort, place), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert writer.stdout is not None  # noqa: S101 - a pipe was asked for
    stream = passed_on(writer.stdout, sys.stdout.buffer)
    code = writer.wait()
    if code not in GOOD[sort]:
        sys.stderr.write(f"beffroi: the store could not be read, code {code}\n")
        return 1
    sys.stdout.buffer.write(END.format(stream=stream, marker=marker, machine=machine()).encode())
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
