from collections.abc import Callable
from typing import Any

import pytest

from beffroi.desired import Check, DesiredState
from beffroi.judge import judge
from beffroi.observe.look import look
from beffroi.verdict import Observation, Outcome

Plays = Callable[[str], Any]
MODE = ("file_mode", {"path": "/etc/passwd", "owner": "root", "group": "root", "mode": "0644"})
MOUNT = ("mount_option", {"path": "/proc", "options": []})
OBEYS = 'exec sh -c "$5"'


def _desired(*hosts: str, kinds: tuple[tuple[str, dict[str, Any]], ...] = (MODE,)) -> DesiredState:
    return DesiredState(
        checks=tuple(Check(host=host, control=kind, kind=kind, settings=(it,)) for host in hosts for kind, it in kinds)
    )


def test_a_host_that_answers_is_seen_with_its_raw_capture(ssh_plays: Plays) -> None:
    stub, desired = ssh_plays(OBEYS), _desired("db")
    [seen] = look(desired, ["db"], stub.config)
    assert seen.could_not_look == ""
    assert seen.captures[0].stdout == "644|root|root|regular file|/etc/passwd\n"
    assert judge(desired, [seen])[0].outcome is Outcome.PASS


def test_each_kind_of_an_unreachable_host_says_why(ssh_plays: Plays) -> None:
    stub = ssh_plays("echo 'No route to host' >&2; exit 255")
    seen = look(_desired("db", kinds=(MODE, MOUNT)), ["db"], stub.config)
    assert [it.kind for it in seen] == ["file_mode", "mount_option"]
    assert all("No route to host" in it.could_not_look for it in seen)


def test_an_unreachable_host_is_waited_for_once(ssh_plays: Plays) -> None:
    stub = ssh_plays("exit 255")
    look(_desired("db", kinds=(MODE, MOUNT)), ["db"], stub.config)
    assert stub.asked() == ["db"]


def test_an_unreachable_host_hides_no_other(ssh_plays: Plays) -> None:
    stub = ssh_plays(f'[ "$4" != web ] || exit 255\n{OBEYS}')
    desired = _desired("web", "db")
    outcomes = {it.host: it.outcome for it in judge(desired, look(desired, ["web", "db"], stub.config))}
    assert outcomes == {"web": Outcome.ERROR, "db": Outcome.PASS}


def test_all_kinds_of_a_host_are_one_connection(ssh_plays: Plays) -> None:
    stub = ssh_plays(OBEYS)
    seen = look(_desired("db", kinds=(MODE, MOUNT)), ["db"], stub.config)
    assert [bool(it.facts) for it in seen] == [True, True]
    assert stub.asked() == ["db"]


def test_one_kind_that_cannot_look_hides_no_other(ssh_plays: Plays) -> None:
    stub = ssh_plays('sed "s/mountinfo/no-such-file/" | exec sh -c "$5"')
    desired = _desired("db", kinds=(MOUNT, MODE))
    outcomes = [it.outcome for it in judge(desired, look(desired, ["db"], stub.config))]
    assert outcomes == [Outcome.ERROR, Outcome.PASS]


def test_a_secret_that_a_host_says_is_not_seen(ssh_plays: Plays) -> None:
    stub = ssh_plays("sed 's|cat /proc/1/mountinfo|echo token=abcdef1234|' | exec sh -c \"$5\"")
    [seen] = look(_desired("db", kinds=(MOUNT,)), ["db"], stub.config)
    assert seen.captures[0].stdout == "token=[redacted]\n"


def test_what_stands_for_an_observation_is_what_was_seen(ssh_plays: Plays) -> None:
    stub = ssh_plays(OBEYS)
    instead = Observation(host="db", kind="file_mode", facts=None, could_not_look="not kept")
    assert look(_desired("db"), ["db"], stub.config, seen=lambda _: instead) == (instead,)


@pytest.mark.parametrize(
    "script",
    [
        "true",
        "echo nonsense",
        r"printf '\033]0;owned\007\033[2J'",
        r"printf '\377\376\000'",
        "printf '@@beffroi effective\\n@@beffroi effective\\n'",
        "echo '{\"nftables\": 3}'",
        "exit 1",
        "kill -9 $$",
    ],
)
def test_nonsense_is_an_error_and_never_an_answer(ssh_plays: Plays, script: str) -> None:
    stub, desired = ssh_plays(script), _desired("db", kinds=(MODE, MOUNT))
    assert {it.outcome for it in judge(desired, look(desired, ["db"], stub.config))} == {Outcome.ERROR}


def test_only_the_kinds_that_are_asked_for_are_looked_at(ssh_plays: Plays) -> None:
    stub = ssh_plays(OBEYS)
    seen = look(_desired("db", kinds=(MODE, MOUNT)), ["db"], stub.config, only=frozenset({"file_mode"}))
    assert [it.kind for it in seen] == ["file_mode"]


def test_observations_are_told_as_they_come(ssh_plays: Plays) -> None:
    told: list[Observation] = []
    seen = look(_desired("db", kinds=(MODE, MOUNT)), ["db"], ssh_plays(OBEYS).config, seen=told.append)
    assert tuple(told) == seen


def test_observations_keep_the_order_of_the_hosts(ssh_plays: Plays) -> None:
    hosts = [f"host-{number}" for number in range(20)]
    stub = ssh_plays(f'[ "$4" != host-0 ] || sleep 0.3\n{OBEYS}')
    assert [it.host for it in look(_desired(*hosts), hosts, stub.config)] == hosts


def test_a_host_of_which_nothing_is_asked_is_left_alone(ssh_plays: Plays) -> None:
    stub = ssh_plays(OBEYS)
    assert look(_desired("db"), ["web"], stub.config) == ()
    assert stub.asked() == []
