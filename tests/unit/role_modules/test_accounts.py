from __future__ import annotations

import grp
import pwd
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

NAME, HOME, DOOR = "beffroi-copy", Path("/var/lib/beffroi-copy"), "/usr/lib/beffroi/copy-door"
FRESH = ("useradd", "--system", "--gid", NAME, "--no-create-home", "--home-dir", str(HOME), "--shell", DOOR, NAME)
GROUP = ("groupadd", "--system", NAME)


class Machine:
    """The accounts and groups of a made-up machine."""

    def __init__(self, accounts: ModuleType, shadow: Path) -> None:
        self.accounts, self.shadow = accounts, shadow
        self.people: list[SimpleNamespace] = []
        self.groups: list[SimpleNamespace] = []
        shadow.touch()

    def person(self, uid: int = 990, *, home: str = str(HOME), shell: str = DOOR, kept: str = "!") -> None:
        self.people.append(SimpleNamespace(pw_name=NAME, pw_uid=uid, pw_gid=980, pw_dir=home, pw_shell=shell))
        self.shadow.write_text(f"root:*:1::::::\n{NAME}:{kept}:1::::::\n")

    def group(self, name: str = NAME, gid: int = 980, members: tuple[str, ...] = ()) -> None:
        self.groups.append(SimpleNamespace(gr_name=name, gr_gid=gid, gr_mem=list(members)))

    def commands(self) -> list[tuple[str, ...]]:
        found: list[tuple[str, ...]] = self.accounts.account_with_a_door(NAME, HOME, DOOR)
        return found


@pytest.fixture(name="machine")
def _machine(part: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    accounts = part("accounts")
    machine = Machine(accounts, tmp_path / "shadow")
    monkeypatch.setattr(accounts, "SHADOW", machine.shadow)
    monkeypatch.setattr(pwd, "getpwall", lambda: machine.people)
    monkeypatch.setattr(pwd, "getpwnam", lambda name: next(it for it in machine.people if it.pw_name == name))
    monkeypatch.setattr(grp, "getgrall", lambda: machine.groups)
    return machine


def test_an_account_that_is_not_there_is_made_with_its_group(machine: Machine) -> None:
    assert machine.commands() == [GROUP, FRESH]


def test_a_group_that_is_there_is_not_made_again(machine: Machine) -> None:
    machine.group()
    assert machine.commands() == [FRESH]


def test_an_account_as_it_must_be_is_left_alone(machine: Machine) -> None:
    machine.person()
    machine.group()
    assert machine.commands() == []


def test_root_under_the_account_s_name_makes_way_for_a_new_account(machine: Machine) -> None:
    machine.person(uid=0)
    machine.group()
    assert machine.commands() == [("userdel", "--force", NAME), FRESH]


@pytest.mark.parametrize("other", [{"home": "/root"}, {"shell": "/bin/sh"}])
def test_another_home_or_shell_is_taken_back(machine: Machine, other: dict[str, str]) -> None:
    machine.person(**other)
    machine.group()
    assert machine.commands() == [("usermod", "--home", str(HOME), "--shell", DOOR, NAME)]


def test_a_member_of_another_group_leaves_it(machine: Machine) -> None:
    machine.person()
    machine.group()
    machine.group("sudo", 27, (NAME,))
    assert machine.commands() == [("usermod", "--gid", NAME, "--groups", "", NAME)]


def test_an_account_whose_group_is_gone_gets_it_back(machine: Machine) -> None:
    machine.person()
    assert machine.commands() == [GROUP, ("usermod", "--gid", NAME, "--groups", "", NAME)]


@pytest.mark.parametrize("kept", ["", "$y$j9T$x$y"])
def test_a_password_is_taken_away(machine: Machine, kept: str) -> None:
    machine.person(kept=kept)
    machine.group()
    assert machine.commands() == [("usermod", "--password", "!", NAME)]


def test_an_account_without_a_line_in_shadow_has_no_password(machine: Machine) -> None:
    assert machine.accounts.password("nobody-knows") == "!"


def test_a_service_s_account_gets_the_group_of_its_name_made_or_there_already(machine: Machine) -> None:
    nowhere = ("--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", NAME)
    assert machine.accounts.service_account(NAME) == ("useradd", "--system", "--user-group", *nowhere)
    machine.group()
    assert machine.accounts.service_account(NAME) == ("useradd", "--system", "--gid", NAME, *nowhere)


def test_a_group_that_is_not_there_has_no_number_of_any_group(machine: Machine) -> None:
    machine.group(gid=0)
    assert (machine.accounts.group_number(NAME), machine.accounts.has_group(NAME)) == (0, True)
    assert (machine.accounts.group_number("absent"), machine.accounts.has_group("absent")) == (-1, False)
