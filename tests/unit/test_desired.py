from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from beffroi.city import City, Text
from beffroi.control import Applies, Control, Severity, load_controls
from beffroi.converge import Work
from beffroi.declaration import load
from beffroi.desired import DesiredState, derive
from beffroi.errors import InvalidInput

ROOT = Path(__file__).parents[2]
WORDS = Text(fr="un", en="one")


def _sshd(name: str, option: str, value: str, **applies: object) -> Control:
    return Control(
        id=name,
        title=WORDS,
        rationale=WORDS,
        severity=Severity.HIGH,
        kind="sshd_option",
        params={"option": option, "value": value},
        applies=Applies.model_validate(applies),
        maps={},
    )


def _derived(city: City, *controls: Control) -> DesiredState:
    return derive(city, {control.id: control for control in controls})


def test_a_control_holds_on_every_machine(small_town: Callable[..., City]) -> None:
    desired = _derived(small_town(), _sshd("ssh/root", "PermitRootLogin", "no"))
    assert desired.hosts() == ["edge", "core", "bastion", "logs", "app", "db"]


@pytest.mark.parametrize(
    ("applies", "hosts"),
    [
        ({"roles": ["log-collector"]}, ["logs"]),
        ({"not_roles": ["log-collector"], "gateways": False}, ["bastion", "app", "db"]),
        ({"gateways": True}, ["edge", "core"]),
        ({"stores": True}, []),
    ],
    ids=str,
)
def test_a_control_holds_only_where_it_applies(
    small_town: Callable[..., City], applies: dict[str, Any], hosts: list[str]
) -> None:
    assert _derived(small_town(), _sshd("ssh/root", "PermitRootLogin", "no", **applies)).hosts() == hosts


def test_two_controls_that_contradict_each_other_are_both_named(small_town: Callable[..., City]) -> None:
    with pytest.raises(InvalidInput) as refused:
        _derived(small_town(), _sshd("ssh/some", "MaxAuthTries", "4"), _sshd("ssh/few", "MaxAuthTries", "2"))
    assert all(word in refused.value.what for word in ("ssh/some", "ssh/few", "maxauthtries"))


def test_a_contradiction_is_found_where_the_two_controls_meet(small_town: Callable[..., City]) -> None:
    everywhere = _sshd("ssh/some", "MaxAuthTries", "4")
    with pytest.raises(InvalidInput) as refused:
        _derived(small_town(), everywhere, _sshd("ssh/few", "MaxAuthTries", "2", roles=["log-collector"]))
    assert refused.value.where == "logs"


def test_two_values_on_two_machines_are_no_contradiction(small_town: Callable[..., City]) -> None:
    here = _sshd("ssh/some", "MaxAuthTries", "4", roles=["log-collector"])
    elsewhere = _sshd("ssh/few", "MaxAuthTries", "2", not_roles=["log-collector"])
    assert len(_derived(small_town(), here, elsewhere).checks) == 6


def test_what_two_controls_agree_on_is_enforced_once(small_town: Callable[..., City]) -> None:
    desired = _derived(small_town(), _sshd("ssh/a", "MaxAuthTries", "4"), _sshd("ssh/b", "MaxAuthTries", "4"))
    assert desired.settings("db") == {"sshd_option": [{"option": "MaxAuthTries", "value": "4"}]}


def test_the_roles_are_given_the_very_settings_that_the_checks_expect() -> None:
    desired = load(ROOT / "inventory" / "bourg-sur-gave").desired
    for host in desired.hosts():
        enforced = desired.settings(host)
        for check in desired.of_host(host):
            assert all(setting in enforced[check.kind] for setting in check.settings)
        expected = sum(len(settings) for settings in enforced.values())
        seen = {(check.kind, repr(setting)) for check in desired.of_host(host) for setting in check.settings}
        assert expected == len(seen)


def test_the_settings_of_a_role_are_plain_json() -> None:
    desired = load(ROOT / "inventory" / "bourg-sur-gave").desired
    work = Work({host: desired.settings(host) for host in desired.hosts()}, [], Path(), Path())
    assert DesiredState.model_validate_json(desired.model_dump_json()).settings("db") == work.settings["db"]


def test_deriving_twice_gives_the_same(small_town: Callable[..., City]) -> None:
    controls = load_controls(ROOT)
    chosen = {name: control for name, control in controls.items() if name.startswith("ssh/")}
    assert derive(small_town(), chosen) == derive(small_town(), chosen)
