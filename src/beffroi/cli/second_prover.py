"""A second process, which proves the network for IPv6, and compares it, while the gate's own does all the rest.

The two families need not each other, and each is a good part of the gate's time in a large town. The second process is
a fork of this one: it reads the same files with the same code under the same bounds, and what it sends back is this
program's own memory, over a pipe that nobody else holds. Its answer is taken only where the question turns out to be
the very same, cities and invariants; in any other case, and whenever it fails, this process does all by itself.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from typing import IO, Any, NoReturn

from beffroi.city import City
from beffroi.limits import within
from beffroi.network.committed import committed, constraints, proving_with
from beffroi.network.difference import Change, changes, sharing
from beffroi.network.firewall import Family
from beffroi.network.invariants import Invariant
from beffroi.network.proof import FamilyProof, prove_family
from beffroi.network.town import Device, Town, town_of

Question = Callable[[], tuple[City, Sequence[Invariant]]]
"""Reads what is going to be asked."""

Before = Callable[[], City | None]
"""Reads the city that it is going to be compared with, if any."""

_FAMILY: Family = 6
_DIGEST_BYTES = sha256().digest_size
_BEFORE, _AFTER = "before", "after"


@contextmanager
def second_prover(question: Question, before: Before = lambda: None, *, seconds: int, mebibytes: int) -> Iterator[None]:
    """Have the half of a proof made meanwhile, within bounds of its own; nothing of it outlives the block."""
    # A fork takes one thread along, and the locks that others hold for ever.
    if len(os.sched_getaffinity(0)) == 1 or threading.active_count() > 1:
        yield
        return
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _answer(question, before, writing, seconds=seconds, mebibytes=mebibytes)
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as stream, proving_with(_Second(stream)):
            yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _answer(question: Question, before: Before, writing: int, *, seconds: int, mebibytes: int) -> NoReturn:
    """Be the second process: say what was asked, then what is found of it, each part as soon as it is."""
    try:
        with within(seconds=seconds, mebibytes=mebibytes), os.fdopen(writing, "wb") as stream:
            city, invariants = question()
            _tell(stream, _digest(city, *invariants))
            town = town_of(city, committed(city))
            proof = prove_family(town, _FAMILY, constraints(city, invariants))
            _tell(stream, _Sending.written(proof, {_AFTER: town}))
            if (base := before()) is not None:
                _tell(stream, _digest(base))
                old = town_of(base, committed(base))
                found = list(changes(old, sharing(old, town), _FAMILY))
                _tell(stream, _Sending.written(found, {_AFTER: town, _BEFORE: old}))
    finally:
        # Nothing of the first process is undone here, nor told: who gets no answer finds the reason by himself.
        os._exit(0)


def _digest(*asked: City | Invariant) -> bytes:
    """Return what tells one question from another."""
    return sha256("\0".join(each.model_dump_json() for each in asked).encode()).digest()


class _Second:
    """What the second process finds, each part taken once, in its order."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream: IO[bytes] | None = stream
        self._proved: Town | None = None

    def proved(self, city: City, invariants: tuple[Invariant, ...], town: Town, family: Family) -> FamilyProof | None:
        """Return the proof of the second process's family, of the very same question."""
        if family != _FAMILY or self._proved is not None:
            return None
        found = self._received(_digest(city, *invariants), {_AFTER: town})
        self._proved = town if found is not None else None
        return found if isinstance(found, FamilyProof) else None

    def compared(self, old: Town, new: Town, family: Family) -> Sequence[Change] | None:
        """Return what its family's packets gained and lost, between the town that was proved and the very same base."""
        if family != _FAMILY or self._proved is not new:
            return None
        found = self._received(_digest(old.city), {_AFTER: new, _BEFORE: old})
        return found if isinstance(found, list) else None

    def _received(self, asked: bytes, towns: Mapping[str, Town]) -> object:
        """Return the next part, if it answers what is asked; nothing is taken any more once one does not."""
        stream, self._stream = self._stream, None
        if stream is None or stream.read(_DIGEST_BYTES) != asked:
            return None
        try:
            found: object = _Receiving(stream, towns).load()
        except (EOFError, pickle.UnpicklingError):
            return None
        self._stream = stream
        return found


def _tell(stream: IO[bytes], said: bytes) -> None:
    """Say something at once: whoever was asked something else is not to wait for a proof."""
    stream.write(said)
    stream.flush()


class _Sending(pickle.Pickler):
    """Writes what was found, machines by their town and name."""

    def __init__(self, stream: IO[bytes], towns: Mapping[str, Town]) -> None:
        super().__init__(stream, pickle.HIGHEST_PROTOCOL)
        self._named = {device: (side, name) for side, town in towns.items() for name, device in town.devices.items()}

    @classmethod
    def written(cls, found: object, towns: Mapping[str, Town]) -> bytes:
        """Return what was found as it is sent."""
        stream = BytesIO()
        cls(stream, towns).dump(found)
        return stream.getvalue()

    def persistent_id(self, found: Any) -> tuple[str, str] | None:  # noqa: ANN401 - whatever is pickled
        """Return what stands for a machine."""
        return self._named.get(found) if isinstance(found, Device) else None


class _Receiving(pickle.Unpickler):
    """Reads the same, with the machines of the same towns."""

    def __init__(self, stream: IO[bytes], towns: Mapping[str, Town]) -> None:
        super().__init__(stream)
        self._towns = towns

    def persistent_load(self, named: Any) -> Device:  # noqa: ANN401 - whatever was pickled
        """Return a machine by what stands for it."""
        side, name = named
        return self._towns[side].devices[name]
