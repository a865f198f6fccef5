import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from beffroi.access import Door, write_ssh_config
from beffroi.city import City
from beffroi.errors import CouldNotLook
from beffroi.observe.routes import Route, read_routes

HAND_WRITTEN = """
# a town's own file
Host db web*  !web9
  HostName %h.intra
  Port 2222
Host web1
  Port=2200
  User audit
host *
\tHostKeyAlias all
  User deploy
  Port 22
  IdentityFile "{folder}/a key"
  UserKnownHostsFile "{folder}/known hosts" {folder}/more
  ProxyCommand nc -x %n %h %p
Host *.far
  ProxyJump one,root@two:2022
"""


@pytest.fixture(name="to")
def _to(tmp_path: Path) -> Callable[[str], Route]:
    config = tmp_path / "ssh_config"
    config.write_text(HAND_WRITTEN.format(folder=tmp_path))
    return read_routes(config).to


def _effective(config: Path, host: str) -> dict[str, str]:
    """Return what ssh itself makes of the file for `host`; it connects to nothing."""
    said = subprocess.run(["ssh", "-G", "-F", config, host], capture_output=True, text=True, check=True).stdout
    return {name: value for name, _, value in (line.partition(" ") for line in said.splitlines())}


@pytest.mark.parametrize("host", ["bastion", "db", "edge"])
def test_the_towns_own_file_is_read_as_ssh_reads_it(
    host: str, tmp_path: Path, small_town: Callable[..., City], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    config = write_ssh_config(tmp_path, small_town(), {}, Door("bastion", "ip netns exec bf-bourg.desk nc %h %p"))
    route, effective = read_routes(config).to(host), _effective(config, host)
    assert (route.address, str(route.port), route.user) == tuple(effective[it] for it in ("hostname", "port", "user"))
    assert (route.alias, str(route.identity)) == (effective["hostkeyalias"], effective["identityfile"])
    assert list(route.jump) == [effective["proxyjump"]] if "proxyjump" in effective else not route.jump


def test_the_towns_bastion_is_entered_by_its_door(tmp_path: Path, small_town: Callable[..., City]) -> None:
    config = write_ssh_config(tmp_path, small_town(), {}, Door("bastion", "ip netns exec bf-bourg.desk nc %h %p"))
    route = read_routes(config).to("bastion")
    assert route.proxy_command == f"ip netns exec bf-bourg.desk nc {route.address} 22"


@pytest.mark.parametrize("host", ["db", "web1", "web2", "web9", "other"])
def test_the_first_value_of_the_file_holds_as_in_ssh(tmp_path: Path, to: Callable[[str], Route], host: str) -> None:
    effective = _effective(tmp_path / "ssh_config", host)
    route = to(host)
    assert (route.address, str(route.port), route.user) == tuple(effective[it] for it in ("hostname", "port", "user"))


def test_names_with_blanks_are_one_file(tmp_path: Path, to: Callable[[str], Route]) -> None:
    assert to("db").identity == tmp_path / "a key"
    assert to("db").known_hosts == (tmp_path / "known hosts", tmp_path / "more")


def test_a_user_and_a_port_of_the_caller_come_first(to: Callable[[str], Route]) -> None:
    route = to("root@web1:2022")
    assert (route.host, route.user, route.port) == ("web1", "root", 2022)


def test_what_a_proxy_command_is_given_is_quoted_for_its_shell(to: Callable[[str], Route]) -> None:
    assert to("a;b").proxy_command == "nc -x 'a;b' 'a;b' 22"


def test_a_chain_of_jumps_keeps_its_order(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Host *.far\n  ProxyJump one,root@two:2022\n")
    assert read_routes(tmp_path / "config").to("db.far").jump == ("one", "root@two:2022")


CONTENDING = """
Host bastion
  ProxyCommand nc %h %p
Host near
  ProxyJump none
Host both
  ProxyJump other
  ProxyCommand nc %h %p
Host *
  ProxyJump bastion
"""


@pytest.mark.parametrize("host", ["bastion", "near", "both", "far"])
def test_of_a_jump_and_a_command_the_first_holds_as_in_ssh(tmp_path: Path, host: str) -> None:
    (tmp_path / "config").write_text(CONTENDING)
    route, effective = read_routes(tmp_path / "config").to(host), _effective(tmp_path / "config", host)
    assert list(route.jump) == [it for it in [effective.get("proxyjump")] if it]
    assert bool(route.proxy_command) == ("proxycommand" in effective)


@pytest.mark.parametrize("line", ["Match all", "Include other", "match host db"])
def test_what_is_not_followed_is_refused_at_its_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "config").write_text(f"Host db\n  Port 22\n{line}\n")
    with pytest.raises(CouldNotLook, match="not followed") as error:
        read_routes(tmp_path / "config")
    assert error.value.where == f"{tmp_path}/config:3"


@pytest.mark.parametrize("port", ["0", "65536", "-1", "ssh", "٢٢", ""])
def test_a_port_that_is_none_is_refused(tmp_path: Path, port: str) -> None:
    (tmp_path / "config").write_text(f"Host db\n  Port {port}\n")
    with pytest.raises(CouldNotLook, match="Port"):
        read_routes(tmp_path / "config").to("db")


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_says_what_to_do(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "config").write_bytes(content)
    with pytest.raises(CouldNotLook) as error:
        read_routes(tmp_path / "config")
    assert error.value.where == str(tmp_path / "config")
    assert error.value.hint
