"""What a run saw, kept as it comes: append-only, named by its content, compressed, one folder a run.

::

    about.json      which town, when it began
    index.jsonl     a line for each observation, as it is made: host, kind, why it could not look, its captures
    blobs/ab/cd...  commands and outputs, zlib, each named by the SHA-256 of what it holds
    complete.json   how many lines there are, and the digest of the last: written at the end, so its absence tells

Each line names the digest of the one before it, the first that of `about.json`: a line that was altered, removed or
added breaks the chain, unless all that follows and `complete.json` were written anew, which is for a signature to
notice. No name of a host, kind or command ever becomes a path. A run that was killed can be read up to its last whole
line. What is kept is what is judged: an observation too large to keep is one that could not be made.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import StringConstraints

from beffroi.errors import CouldNotAct, CouldNotLook
from beffroi.messages import say
from beffroi.verdict import Capture, Frozen, Observation

MOST_BYTES_A_HOST = 1_000_000
"""Compressed bytes that a host's observations may take together."""

_MOST_BYTES_A_BLOB = 64 * 1024 * 1024
_ABOUT, _INDEX, _BLOBS, _COMPLETE = "about.json", "index.jsonl", "blobs", "complete.json"

_Model = TypeVar("_Model", bound=Frozen)
_Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class About(Frozen):
    """What a run is about."""

    format: Literal[1] = 1
    town: str
    started: datetime


class _KeptCapture(Frozen):
    command: _Digest
    stdout: _Digest
    stderr: _Digest
    exit_code: int
    when: datetime
    seconds: float


class _Line(Frozen):
    previous: _Digest
    host: str
    kind: str
    could_not_look: str = ""
    captures: tuple[_KeptCapture, ...] = ()


class _Complete(Frozen):
    lines: int
    last: _Digest


@dataclass
class CaptureStore:
    """Writes one run's captures; `begin` makes it."""

    folder: Path
    _previous: str
    _lines: int = 0
    _sizes: dict[tuple[str, str], int] = field(default_factory=dict)

    @classmethod
    def begin(cls, folder: Path, about: About) -> CaptureStore:
        """Begin a run in `folder`, which must not exist; only its user may read it."""
        folder.mkdir(mode=0o700)
        (folder / _BLOBS).mkdir()
        first = _written(about)
        _write_whole(folder / _ABOUT, first)
        (folder / _INDEX).touch(mode=0o600)
        return cls(folder, _digest(first))

    def keep(self, observation: Observation) -> Observation:
        """Keep an observation's captures, and return the observation as it is kept.

        It differs where the host's observations together would take more than MOST_BYTES_A_HOST: then nobody looked.
        A later observation of the same kind on the same host stands for the earlier one.
        """
        packed = {text: zlib.compress(_bytes(text)) for text in _texts(observation)}
        key = (observation.host, observation.kind)
        others = sum(size for (host, kind), size in self._sizes.items() if host == key[0] and kind != key[1])
        size = sum(map(len, packed.values()))
        if others + size > MOST_BYTES_A_HOST:
            reason = say("captures-too-large", most=MOST_BYTES_A_HOST)
            observation = observation.model_copy(update={"facts": None, "could_not_look": reason, "captures": ()})
            packed, size = {}, 0
        self._sizes[key] = size
        for text, content in packed.items():
            self._put(_digest(_bytes(text)), content)
        self._append(observation)
        return observation

    def finish(self) -> None:
        """Say that the run is whole."""
        with (self.folder / _INDEX).open("rb") as index:
            os.fsync(index.fileno())
        _write_whole(self.folder / _COMPLETE, _written(_Complete(lines=self._lines, last=self._previous)))

    def _put(self, digest: str, content: bytes) -> None:
        path = _blob(self.folder, digest)
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            _write_whole(path, content)

    def _append(self, observation: Observation) -> None:
        line = _Line(
            previous=self._previous,
            host=observation.host,
            kind=observation.kind,
            could_not_look=observation.could_not_look,
            captures=tuple(_kept(capture) for capture in observation.captures),
        )
        written = _written(line)
        with (self.folder / _INDEX).open("ab") as index:
            index.write(written + b"\n")
        self._previous = _digest(written)
        self._lines += 1


@dataclass(frozen=True)
class KeptRun:
    """Reads what a run kept. `complete` is False for one that was cut short."""

    folder: Path
    about: About
    complete: bool
    _lines: dict[tuple[str, str], _Line]

    @classmethod
    def open(cls, folder: Path) -> KeptRun:
        """Open a run; raise CouldNotAct when it is none, or when its index was altered."""
        try:
            first = (folder / _ABOUT).read_bytes()
            about = _read(About, first)
            written = (folder / _INDEX).read_bytes()
            end = (folder / _COMPLETE).read_bytes() if (folder / _COMPLETE).exists() else None
        except (OSError, ValueError, RecursionError) as error:
            raise CouldNotAct(say("captures-none"), where=str(folder), hint=say("captures-none-hint")) from error
        lines: dict[tuple[str, str], _Line] = {}
        last = _digest(first)
        chained = list(_chained(folder / _INDEX, written, last))
        for line, digest in chained:
            lines[line.host, line.kind] = line
            last = digest
        if end is not None and not _ends_so(end, len(chained), last):
            raise _altered(folder / _COMPLETE)
        return cls(folder, about, end is not None, lines)

    def could_not_look(self, host: str, kind: str) -> str | None:
        """Return why `kind` could not look at `host`, nothing when it could; None when that was not kept."""
        line = self._lines.get((host, kind))
        return line.could_not_look if line else None

    def captures(self, host: str, kind: str) -> tuple[Capture, ...]:
        """Return what was asked and answered; raise CouldNotLook when a part of it is gone or was altered."""
        line = self._lines.get((host, kind))
        return tuple(self._capture(host, kept) for kept in line.captures) if line else ()

    def _capture(self, host: str, kept: _KeptCapture) -> Capture:
        texts = {name: self._text(getattr(kept, name)) for name in ("command", "stdout", "stderr")}
        return Capture(host=host, exit_code=kept.exit_code, when=kept.when, seconds=kept.seconds, **texts)

    def _text(self, digest: str) -> str:
        path = _blob(self.folder, digest)
        with contextlib.suppress(OSError, zlib.error, UnicodeDecodeError):
            content = zlib.decompressobj().decompress(path.read_bytes(), _MOST_BYTES_A_BLOB)
            if _digest(content) == digest:
                return content.decode("utf-8", "surrogatepass")
        raise CouldNotLook(say("captures-altered", file=path.relative_to(self.folder)), where=str(self.folder))


def _chained(path: Path, written: bytes, previous: str) -> Iterator[tuple[_Line, str]]:
    """Yield each whole line with its digest; the last one may have been cut, any other fault raises CouldNotAct."""
    for number, text in enumerate(written.split(b"\n")[:-1], 1):
        try:
            line = _read(_Line, text)
        except (ValueError, RecursionError):
            raise _altered(path, number) from None
        if line.previous != previous:
            raise _altered(path, number)
        previous = _digest(text)
        yield line, previous


def _ends_so(end: bytes, count: int, last: str) -> bool:
    try:
        return _read(_Complete, end) == _Complete(lines=count, last=last)
    except (ValueError, RecursionError):
        return False


def _altered(path: Path, line: int = 1) -> CouldNotAct:
    return CouldNotAct(say("captures-index-altered"), where=f"{path}:{line}", hint=say("captures-index-altered-hint"))


def _kept(capture: Capture) -> _KeptCapture:
    return _KeptCapture(
        command=_digest(_bytes(capture.command)),
        stdout=_digest(_bytes(capture.stdout)),
        stderr=_digest(_bytes(capture.stderr)),
        exit_code=capture.exit_code,
        when=capture.when,
        seconds=capture.seconds,
    )


def _written(value: Frozen) -> bytes:
    return json.dumps(value.model_dump(mode="json"), sort_keys=True).encode()


def _read(model: type[_Model], written: bytes) -> _Model:
    # Python's own reader: a host may have said half a character ("\ud800"), which pydantic's reader refuses.
    return model.model_validate(json.loads(written))


def _texts(observation: Observation) -> set[str]:
    return {text for it in observation.captures for text in (it.command, it.stdout, it.stderr)}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def _blob(folder: Path, digest: str) -> Path:
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ValueError(digest)
    return folder / _BLOBS / digest[:2] / digest[2:]


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all."""
    draft = path.with_name(f"{path.name}.new")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    draft.replace(path)
