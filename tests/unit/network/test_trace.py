"""One packet through a firewall built by hand; the kernel itself is asked in tests/lab/test_kernel_facts.py."""

from __future__ import annotations

import pytest

from beffroi.network.conntrack import Connection, Packet, first_state
from beffroi.network.firewall import (
    Case,
    Chain,
    Direction,
    Firewall,
    Hook,
    Match,
    Place,
    Rule,
    State,
    Table,
    Translation,
    Unknown,
    Verb,
    Verdict,
)
from beffroi.network.services import ACK, FIN, ICMP, ICMPV6, PSH, RST, SYN, TCP, UDP, Point, ported
from beffroi.network.trace import Decision, Machine, received, trace

CLIENT, SERVER, PUBLIC = 10, 20, 30
SSH, WEB = ported([TCP], second=((22, 22),)), ported([TCP], second=((80, 80),))


def rules(chain: str, *cases: Case) -> tuple[Rule, ...]:
    return tuple(Rule((case,), Place("inet t", chain, at)) for at, case in enumerate(cases, 1))


ANYTHING = Match()


def case(verb: Verb, match: Match = ANYTHING, *, chain: str = "", translation: Translation | None = None) -> Case:
    return Case(match, Verdict(verb, chain, translation))


def hooked(hook: str, *cases: Case, kind: str = "filter", priority: int = 0, policy: str = "accept") -> Chain:
    name = f"{hook}{kind}{priority}"
    return Chain(name, rules(name, *cases), Hook(kind, hook, priority, policy))  # type: ignore[arg-type]


def firewall(*chains: Chain) -> Firewall:
    return Firewall((Table("inet", "t", {chain.name: chain for chain in chains}),))


def packet(port: int = 22, destination: int = SERVER) -> Packet:
    return Packet(4, CLIENT, destination, Point(TCP, 40000, port, SYN))


def forward(*chains: Chain, port: int = 22, within_limits: bool = False) -> tuple[Decision, list[str]]:
    made = trace(firewall(*chains), packet(port), hooks=["forward"], entry="a", exit="b", within_limits=within_limits)
    return made.decision, [step.show() for step in made.steps]


def test_the_first_rule_that_decides_is_the_last_step() -> None:
    decision, steps = forward(hooked("forward", case(Verb.ACCEPT, Match(services=SSH)), case(Verb.DROP)))
    assert decision is Decision.ACCEPT
    assert steps == ["forward: inet t forwardfilter0 rule 1: accept"]


def test_the_policy_is_a_step_too() -> None:
    decision, steps = forward(hooked("forward", policy="drop"))
    assert decision is Decision.DROP
    assert steps == ["forward: inet t forwardfilter0 policy: drop"]


def test_every_chain_of_a_hook_must_accept() -> None:
    assert forward(hooked("forward", case(Verb.ACCEPT)), hooked("forward", case(Verb.DROP), priority=10))[0] == "drop"


def test_what_returns_from_a_jump_goes_on_and_from_a_goto_meets_the_policy() -> None:
    inner = Chain("inner", rules("inner", case(Verb.RETURN)))
    for verb, decision in ((Verb.JUMP, "accept"), (Verb.GOTO, "drop")):
        outer = hooked("forward", case(verb, chain="inner"), case(Verb.ACCEPT), policy="drop")
        assert forward(outer, inner)[0] == decision


def test_words_that_are_not_modelled_leave_the_answer_open_only_where_it_depends_on_them() -> None:
    doubt = Match(unknown=(Unknown("meta mark 7"),))
    assert forward(hooked("forward", case(Verb.ACCEPT, doubt), policy="drop"))[0] is Decision.UNKNOWN
    assert forward(hooked("forward", case(Verb.ACCEPT, doubt), policy="accept"))[0] is Decision.ACCEPT


def test_a_rate_limit_may_be_taken_as_not_exceeded() -> None:
    limited = hooked(
        "forward", case(Verb.ACCEPT, Match(unknown=(Unknown("limit rate 1/second", rate=True),))), policy="drop"
    )
    assert forward(limited)[0] is Decision.UNKNOWN
    assert forward(limited, within_limits=True)[0] is Decision.ACCEPT


def test_a_loop_of_jumps_ends_in_an_open_answer() -> None:
    loop = Chain("loop", rules("loop", case(Verb.JUMP, chain="loop")))
    assert forward(hooked("forward", case(Verb.JUMP, chain="loop")), loop)[0] is Decision.UNKNOWN


def machine() -> Machine:
    return Machine(
        lambda _, address: {CLIENT: "a", SERVER: "b", PUBLIC: ""}.get(address),
        lambda _, interface: PUBLIC if interface else None,
    )


DNAT = Translation("destination", ((SERVER, SERVER),), ((80, 80),))


def test_forward_sees_what_dnat_wrote_and_where_it_now_leads() -> None:
    before = hooked("prerouting", case(Verb.TRANSLATE, translation=DNAT), kind="nat", priority=-100)
    onward = hooked("forward", case(Verb.ACCEPT, Match(services=WEB, dnat=True)), policy="drop")
    made = received(firewall(before, onward), packet(8080, PUBLIC), entry="a", machine=machine())
    assert made.decision is Decision.ACCEPT
    assert made.end is not None
    assert (made.end.packet, made.end.exit) == (packet(80), "b")


def test_what_no_route_leads_to_is_dropped() -> None:
    assert received(firewall(), packet(destination=99), entry="a", machine=machine()).decision is Decision.DROP


def test_masquerade_writes_the_machine_s_own_address_and_the_answer_finds_its_way_back() -> None:
    own = Translation("source", own=True)
    behind = hooked("postrouting", case(Verb.TRANSLATE, translation=own), kind="nat", priority=100)
    out = received(firewall(behind), packet(), entry="a", machine=machine()).end
    assert out is not None
    assert out.packet.source == PUBLIC
    known = Connection(packet(), out.packet)
    answer = Packet(4, SERVER, PUBLIC, Point(TCP, 22, 40000, SYN | ACK))
    back = received(
        firewall(behind),
        answer,
        entry="b",
        machine=machine(),
        tracking=known.tracking(State.ESTABLISHED, Direction.REPLY),
        connection=known,
    ).end
    assert back is not None
    assert (back.packet.destination, back.exit) == (CLIENT, "a")


def test_a_translation_to_a_range_is_followed_wherever_the_rules_tell_its_choices_apart() -> None:
    spread = Translation("destination", ((SERVER, SERVER + 9),))
    before = hooked("prerouting", case(Verb.TRANSLATE, translation=spread), kind="nat", priority=-100)
    onward = hooked("forward", case(Verb.DROP, Match(destination=((SERVER + 5, SERVER + 5),))))
    where = Machine(lambda _, __: "b", lambda _, __: None)
    assert received(firewall(before, onward), packet(), entry="a", machine=where).decision is Decision.UNKNOWN
    assert received(firewall(before), packet(), entry="a", machine=where).decision is Decision.ACCEPT


def test_notrack_before_conntrack_makes_a_packet_untracked() -> None:
    raw = hooked("prerouting", case(Verb.NOTRACK), priority=-300)
    onward = hooked("forward", case(Verb.DROP, Match(states=frozenset({State.UNTRACKED}))))
    assert received(firewall(raw, onward), packet(), entry="a", machine=machine()).decision is Decision.DROP


@pytest.mark.parametrize(
    ("service", "state"),
    [
        (Point(TCP, 1, 1, SYN), State.NEW),
        (Point(TCP, 1, 1, ACK | PSH), State.NEW),
        (Point(TCP, 1, 1, RST), State.INVALID),
        (Point(TCP, 1, 1, FIN | ACK), State.INVALID),
        (Point(UDP, 1, 1, 0), State.NEW),
        (Point(ICMP, 8, 0, 0), State.NEW),
        (Point(ICMP, 0, 0, 0), State.INVALID),
        (Point(ICMPV6, 135, 0, 0), State.UNTRACKED),
        (Point(47, 0, 0, 0), State.NEW),
    ],
)
def test_the_state_of_a_first_packet(service: Point, state: State) -> None:
    assert first_state(Packet(6, 1, 2, service)) is state


def test_a_packet_is_shown_on_one_line() -> None:
    assert (
        Packet(4, 167837957, 167903237, Point(TCP, 40000, 22, SYN)).show() == "tcp 10.1.1.5:40000 -> 10.2.0.5:22 [syn]"
    )
    assert Packet(6, 1, 2, Point(ICMPV6, 128, 0, 0)).show() == "icmpv6 ::1 -> ::2 type 128 code 0"
