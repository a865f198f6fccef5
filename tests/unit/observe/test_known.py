import asyncssh
import pytest

from beffroi.observe.known import KnownHosts

KEYS = {name: asyncssh.generate_private_key("ssh-ed25519") for name in ("db", "web", "authority")}


def _line(names: str, key: str) -> str:
    return f"{names} {KEYS[key].export_public_key().decode().strip()}"


def _public(known: KnownHosts, name: str, port: int = 22, of: int = 0) -> list[str]:
    return [key.export_public_key().decode().split()[1] for key in known.keys(name, port)[of]]


def _of(key: str) -> str:
    return KEYS[key].export_public_key().decode().split()[1]


def test_a_key_is_known_by_each_of_its_names_and_no_other() -> None:
    known = KnownHosts.read([_line("db,10.0.4.11", "db"), _line("web", "web")])
    assert _public(known, "db") == _public(known, "10.0.4.11") == [_of("db")]
    assert _public(known, "d") == []


def test_a_host_may_have_several_keys() -> None:
    known = KnownHosts.read([_line("db", "db"), _line("db", "web")])
    assert _public(known, "db") == [_of("db"), _of("web")]


def test_the_key_of_a_port_comes_before_that_of_the_name() -> None:
    known = KnownHosts.read([_line("db", "db"), _line("[db]:2222", "web")])
    assert (_public(known, "db", 2222), _public(known, "db", 2200)) == ([_of("web")], [_of("db")])


def test_patterns_hold_as_in_ssh() -> None:
    known = KnownHosts.read([_line("web*,!web9", "web")])
    assert (_public(known, "web1"), _public(known, "web9")) == ([_of("web")], [])


def test_authorities_and_revoked_keys_are_no_trusted_keys() -> None:
    known = KnownHosts.read([f"@cert-authority {_line('db', 'authority')}", f"@revoked {_line('db', 'web')}"])
    assert _public(known, "db") == []
    assert (_public(known, "db", of=1), _public(known, "db", of=2)) == ([_of("authority")], [_of("web")])


def test_comments_and_blank_lines_are_passed_over() -> None:
    assert KnownHosts.read(["# db", "", "   "]).exact == {}


@pytest.mark.parametrize("line", ["db", "@nonsense db key"])
def test_a_line_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="nvalid"):
        KnownHosts.read([line])
