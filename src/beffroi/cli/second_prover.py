"""A second process, which proves the network for IPv6 while the gate's own does all the rest.

The two families need not each other, and each is a good part of the gate's time in a large town. The second process is
a fork of this one: it reads the same files with the same code under the same bounds, and what it sends back is this
program's own memory, over a pipe that nobody else holds. Its answer is taken only where the question turns out to be
the very same, city and invariants; in any other case, and whenever it fails, this process proves all by itself.
"""

from __future__ import annotations

import copyreg
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import IO, Any, NoReturn

from beffroi.city import City
from beffroi.limits import within
from beffroi.network.committed import committed, constraints, proving_with
from beffroi.network.firewall import Family
from beffroi.network.invariants import Invariant
from beffroi.network.proof import FamilyProof, prove_family
from beffroi.network.town import Device, Town, town_of

Question = Callable[[], tuple[City, Sequence[Invariant]]]
"""Reads what is going to be asked."""

_FAMILY: Family = 6
_DIGEST_BYTES = sha256().digest_size


@contextmanager
def second_prover(question: Question, *, seconds: int, mebibytes: int) -> Iterator[None]:
    """Have the half of a proof made meanwhile, within bounds of its own; nothing of it outlives the block."""
    # A fork takes one thread along, and the locks that others hold for ever.
    if len(os.sched_getaffinity(0)) == 1 or threading.active_count() > 1:
        yield
        return
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _answer(question, writing, seconds=seconds, mebibytes=mebibytes)
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as stream, proving_with(_Second(stream)):
            yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _answer(question: Question, writing: int, *, seconds: int, mebibytes: int) -> NoReturn:
    """Be the second process: say what was asked, then what is proved of it."""
    try:
        with within(seconds=seconds, mebibytes=mebibytes), os.fdopen(writing, "wb") as stream:
            city, invariants = question()
            stream.write(_digest(city, invariants))
            town = town_of(city, committed(city))
            _Sending(stream, pickle.HIGHEST_PROTOCOL).dump(prove_family(town, _FAMILY, constraints(city, invariants)))
    finally:
        # Nothing of the first process is undone here, nor told: who gets no answer finds the reason by himself.
        os._exit(0)


def _digest(city: City, invariants: Sequence[Invariant]) -> bytes:
    """Return what tells one question from another."""
    written = [city.model_dump_json(), *(each.model_dump_json() for each in invariants)]
    return sha256("\0".join(written).encode()).digest()


class _Second:
    """What the second process proves, taken once."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream: IO[bytes] | None = stream

    def proved(self, city: City, invariants: tuple[Invariant, ...], town: Town, family: Family) -> FamilyProof | None:
        """Return the proof of the second process's family, of the very same question."""
        stream = self._stream
        if family != _FAMILY or stream is None:
            return None
        self._stream = None
        if stream.read(_DIGEST_BYTES) != _digest(city, invariants):
            return None
        try:
            found = _Receiving(stream, town).load()
        except (EOFError, pickle.UnpicklingError):
            return None
        return found if isinstance(found, FamilyProof) else None


def named_device(name: str) -> Device:
    """Stand, in what is sent, for a machine that the other process knows by its name."""
    raise KeyError(name)


def _by_name(device: Device) -> tuple[Callable[[str], Device], tuple[str]]:
    return named_device, (device.name,)


class _Sending(pickle.Pickler):
    """Writes a proof, machines by their names."""

    dispatch_table = {**copyreg.dispatch_table, Device: _by_name}


class _Receiving(pickle.Unpickler):
    """Reads a proof, with the machines of a town."""

    def __init__(self, stream: IO[bytes], town: Town) -> None:
        super().__init__(stream)
        self._town = town

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - whatever a pickle names
        """Return what a name stands for."""
        if name == named_device.__name__:
            return self._town.devices.__getitem__
        return super().find_class(module, name)
