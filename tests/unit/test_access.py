import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from beffroi.access import Door, open_door, write_ssh_config
from beffroi.city import City
from beffroi.errors import CouldNotAct

KEYS = {"bastion": "ssh-ed25519 AAAAbastion", "db": "ssh-ed25519 AAAAdb"}
ENTER = "ip netns exec bf-bourg.desk nc %h %p"


@pytest.fixture(autouse=True)
def _own_runtime_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))


@pytest.fixture(name="config")
def _config(tmp_path: Path, small_town: Callable[..., City]) -> Path:
    return write_ssh_config(tmp_path / "ssh", small_town(), KEYS, Door("bastion", ENTER))


def _effective(config: Path, host: str) -> dict[str, str]:
    """Return what ssh itself makes of the file for `host`; it connects to nothing."""
    said = subprocess.run(["ssh", "-G", "-F", config, host], capture_output=True, text=True, check=True).stdout
    return {name: value for name, _, value in (line.partition(" ") for line in said.splitlines())}


def test_a_machine_is_reached_through_the_bastion(config: Path) -> None:
    assert _effective(config, "db")["proxyjump"] == "bastion"


def test_the_bastion_is_entered_by_the_door(config: Path) -> None:
    bastion = _effective(config, "bastion")
    assert bastion["proxycommand"] == ENTER
    assert "proxyjump" not in bastion


def test_a_bastion_without_door_is_reached_plainly(tmp_path: Path, small_town: Callable[..., City]) -> None:
    config = write_ssh_config(tmp_path / "ssh", small_town(), KEYS, Door("bastion"))
    assert not {"proxycommand", "proxyjump"} & set(_effective(config, "bastion"))


def test_a_machine_keeps_its_own_address_and_name(config: Path) -> None:
    db = _effective(config, "db")
    assert (db["hostname"], db["hostkeyalias"]) == ("10.0.4.11", "db")


def test_a_gateway_is_reached_on_a_segment_of_the_bastion_never_by_the_internet(config: Path) -> None:
    assert _effective(config, "edge")["hostname"] == "10.0.3.1"


@pytest.mark.parametrize("host", ["bastion", "db", "edge", "somebody-else"])
def test_an_unknown_key_is_always_refused(config: Path, host: str) -> None:
    effective = _effective(config, host)
    wanted = {"stricthostkeychecking": "true", "updatehostkeys": "false", "globalknownhostsfile": "none"}
    assert {name: effective[name] for name in wanted} == wanted


def test_only_our_key_is_offered_and_never_a_password(config: Path, tmp_path: Path) -> None:
    effective = _effective(config, "db")
    assert effective["identityfile"] == str(tmp_path / "ssh" / "id_ed25519")
    assert (effective["identitiesonly"], effective["identityagent"]) == ("yes", "none")
    assert (effective["passwordauthentication"], effective["kbdinteractiveauthentication"]) == ("no", "no")


def test_the_known_hosts_hold_the_keys_that_provisioning_reported_and_no_other(config: Path) -> None:
    known = (config.parent / "known_hosts").read_text()
    assert known == "bastion ssh-ed25519 AAAAbastion\ndb ssh-ed25519 AAAAdb\n"


def test_a_second_apply_forgets_the_keys_of_machines_that_left(config: Path, small_town: Callable[..., City]) -> None:
    write_ssh_config(config.parent, small_town(), {"db": "ssh-ed25519 AAAAnew"}, Door("bastion"))
    assert (config.parent / "known_hosts").read_text() == "db ssh-ed25519 AAAAnew\n"


def test_a_folder_with_a_space_and_a_percent_sign_is_one_file(tmp_path: Path, small_town: Callable[..., City]) -> None:
    folder = tmp_path / "la ville 100%h"
    effective = _effective(write_ssh_config(folder, small_town(), KEYS, Door("bastion")), "db")
    assert effective["userknownhostsfile"] in {str(folder / "known_hosts"), f'"{folder / "known_hosts"}"'}
    assert effective["identityfile"].replace("%%", "%") == str(folder / "id_ed25519")


def test_control_sockets_are_for_their_user_alone(config: Path, tmp_path: Path) -> None:
    sockets = Path(_effective(config, "db")["controlpath"]).parent
    assert (sockets, sockets.stat().st_mode & 0o777) == (tmp_path / "run" / "beffroi-ssh", 0o700)


def test_a_socket_folder_left_open_is_closed(tmp_path: Path, small_town: Callable[..., City]) -> None:
    sockets = tmp_path / "run" / "beffroi-ssh"
    sockets.mkdir(parents=True)
    sockets.chmod(0o777)
    write_ssh_config(tmp_path / "ssh", small_town(), KEYS, Door("bastion"))
    assert sockets.stat().st_mode & 0o777 == 0o700


def test_a_socket_folder_that_leads_elsewhere_is_refused(tmp_path: Path, small_town: Callable[..., City]) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run" / "beffroi-ssh").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CouldNotAct):
        write_ssh_config(tmp_path / "ssh", small_town(), KEYS, Door("bastion"))


def test_a_bastion_that_does_not_answer_is_no_error_here(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = tmp_path / "bin" / "ssh"
    stub.parent.mkdir()
    stub.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nexit 255\n')
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stub.parent}:{os.environ['PATH']}")
    open_door(config, "bastion")
    assert (tmp_path / "asked").read_text() == f"-F {config} -T bastion true\n"
