"""The kernel is the last judge: random rulesets in real namespaces, forged packets, and two models that must agree.

The models are the symbolic engine, which the proof rests on, and the step-by-step trace: they share no code beyond the
meaning of rules, and the reader gives them what the kernel itself lists.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from kernel import frames
from kernel.judged import Model
from kernel.namespaces import Namespaces
from kernel.rulesets import PLAN, Ruleset
from kernel.wire import SILENCE, Seen, Wire

from beffroi.network.conntrack import Packet, first_state
from beffroi.network.firewall import Firewall, State, Verb
from beffroi.network.reader import read
from beffroi.network.services import ACK, ICMP, ICMPV6, SYN, TCP
from beffroi.network.trace import Decision, received

pytestmark = pytest.mark.lab

RULESETS = int(os.environ.get("BEFFROI_KERNEL_RULESETS", "14"))
FIRST_SEED = int(os.environ.get("BEFFROI_KERNEL_SEED", "1"))
PACKETS, AT_ONCE, ANSWERS = 1200, 40, 1_000_000


@pytest.fixture(scope="module")
def wire() -> Iterator[tuple[Namespaces, Wire]]:
    with Namespaces(PLAN) as namespaces:
        assert namespaces.load(SILENCE) is None
        with Wire(namespaces) as made:
            yield namespaces, made


def answer_to(out: Packet) -> Packet | None:
    protocol, first, second, flags = out.service
    if protocol in (ICMP, ICMPV6):
        answers = {8: 0, 128: 129}
        service = out.service._replace(first=answers[first]) if first in answers else None
    else:
        service = out.service._replace(first=second, second=first, flags=SYN | ACK if protocol == TCP else flags)
    if service is None or (protocol == TCP and flags != SYN):
        return None
    return replace(out, source=out.destination, destination=out.source, service=service)


def judge(namespaces: Namespaces, wire: Wire, seed: int, tally: Counter[str]) -> list[str]:
    """Send one ruleset's packets, then the answers to those that got through; return every disagreement."""
    ruleset = Ruleset(seed)
    refused = namespaces.load(ruleset.text + "\n" + SILENCE)
    assert refused is None, f"{refused}\n{ruleset.text}"
    firewall = read(json.loads(namespaces.listing()))
    firewall = Firewall(tuple(table for table in firewall.tables if table.name != "judge"))
    model, machine = Model(firewall, PLAN), PLAN.machine()
    shots = dict(enumerate(ruleset.packets(PACKETS), 1))
    wrong: list[str] = []
    for at in range(1, PACKETS + 1, AT_ONCE):
        some = {number: shots[number] for number in range(at, min(at + AT_ONCE, PACKETS + 1))}
        came = wire.through((entry, frames.forged(packet, n, ident=n & 0xFFFF)) for n, (entry, packet) in some.items())
        for number, (entry, packet) in some.items():
            seen = came.get(number)
            tally[f"{first_state(packet)} IPv{packet.family}"] += 1
            tally["through" if seen else "stopped"] += 1
            ends, expected = ({seen.exit} if seen else set()), model.ends(entry, packet)
            if expected is None:
                tally["not modelled"] += 1
                continue
            told = received(firewall, packet, entry=entry, machine=machine)
            words = f"seed {seed}: {entry} {packet.show()}"
            if expected != ends or told.decision is not (Decision.ACCEPT if seen else Decision.DROP):
                wrong.append(f"{words}: kernel {ends}, model {expected}\n{told.show()}")
            elif seen and not any(end.verb is Verb.ACCEPT and end.allows(seen.packet) for end in told.ends):
                wrong.append(f"{words}: left as {seen.packet.show()}\n{told.show()}")
        wrong += _answered(wire, model, seed, {n: (*some[n], came[n]) for n in some if n in came}, tally)
        namespaces.forget_connections()
    return wrong


def _answered(
    wire: Wire, model: Model, seed: int, through: dict[int, tuple[str, Packet, Seen]], tally: Counter[str]
) -> list[str]:
    answers = {
        number: answer
        for number, (_, packet, seen) in through.items()
        if seen.exit and first_state(packet) is State.NEW and (answer := answer_to(seen.packet)) is not None
    }
    came = wire.through(
        (through[n][2].exit, frames.forged(answer, n + ANSWERS, ident=n & 0xFFFF, side="reply"))
        for n, answer in answers.items()
    )
    wrong = []
    for number, answer in answers.items():
        entry, packet, seen = through[number]
        back = came.get(number + ANSWERS)
        tally["answer back" if back else "answer lost"] += 1
        tally["translated"] += packet != seen.packet
        expected = model.answers(entry, packet)
        if expected != bool(back and back.exit == entry):
            wrong.append(f"seed {seed}: {answer.show()} answers {entry} {packet.show()}: {back}, model {expected}")
    return wrong


def test_models_and_kernel_agree_on_every_packet(wire: tuple[Namespaces, Wire]) -> None:
    tally: Counter[str] = Counter()
    wrong = [each for seed in range(FIRST_SEED, FIRST_SEED + RULESETS) for each in judge(*wire, seed, tally)]
    assert not wrong, f"{len(wrong)} wrong, of {dict(tally)}\n" + "\n".join(wrong[:5])
    assert min(tally["through"], tally["stopped"]) > 2000
    assert min(tally["answer back"], tally["answer lost"], tally["translated"]) > 20
    assert {f"{state} IPv{family}" for state in ("new", "invalid") for family in (4, 6)} <= tally.keys()
