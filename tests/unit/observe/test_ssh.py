"""Over SSH as asyncssh serves it; `tests/lab/test_openssh.py` asks OpenSSH's own server."""

from __future__ import annotations

import asyncio
import logging
import subprocess
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from ssh_servers import LetsForward, Neighbourhood

from beffroi.errors import CouldNotLook
from beffroi.observe.connection import Bounds, Completed, CutShort
from beffroi.observe.held import HeldConnection
from beffroi.observe.ssh import Patience, Switchboard, connect

BOUNDS = Bounds(seconds=60, output=100_000)
HASTE = Patience(seconds=1, attempts=3, pause=0.01)
CALM = Patience(seconds=20, attempts=3, pause=0.01)

Asks = Callable[[HeldConnection], Coroutine[Any, Any, Any]]


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Neighbourhood:
    return Neighbourhood(tmp_path)


def ask(place: Neighbourhood, asks: Asks, **options: object) -> Any:  # noqa: ANN401 - whatever the test asks for
    """Connect to an honest host, let the test ask, and hang up."""

    async def session() -> object:
        async with place.serve("db", **options):  # type: ignore[arg-type]
            connection = await connect("db", place.config, CALM)
            try:
                return await asks(connection)
            finally:
                await connection.close()

    return asyncio.run(session())


def refused(place: Neighbourhood, **options: object) -> CouldNotLook:
    """Return why there is no connection to a host that is served with `options`."""

    async def asks(_: HeldConnection) -> None:
        return None

    with pytest.raises(CouldNotLook) as error:
        ask(place, asks, **options)
    return error.value


def test_what_a_command_leaves_behind_comes_back_byte_for_byte(place: Neighbourhood) -> None:
    done = ask(place, lambda it: it.run(r"printf '\000\377'; printf 'e\r' >&2; exit 3", bounds=BOUNDS))
    assert done == Completed(b"\x00\xff", b"e\r", 3)


def test_a_command_is_fed_its_input_and_told_its_end(place: Neighbourhood) -> None:
    fed = bytes(range(256)) * 2000
    assert ask(place, lambda it: it.run("wc -c", stdin=fed, bounds=BOUNDS)).stdout.strip() == b"512000"


def test_a_command_need_not_read_its_input(place: Neighbourhood) -> None:
    assert ask(place, lambda it: it.run("exit 7", stdin=bytes(3_000_000), bounds=BOUNDS)).exit_code == 7


def test_a_signal_is_counted_as_a_shell_does(place: Neighbourhood) -> None:
    assert ask(place, lambda it: it.run("kill -9 $$", bounds=BOUNDS)).exit_code == 137


@pytest.mark.slow
def test_a_command_that_hangs_is_given_up_with_what_it_said(place: Neighbourhood) -> None:
    with pytest.raises(CutShort, match="no answer") as error:
        ask(place, lambda it: it.run("echo so far; exec sleep 60", bounds=Bounds(4, 1000)))
    assert (error.value.where, error.value.stdout) == ("db", b"so far\n")


@pytest.mark.parametrize("flood", ["exec yes", "exec yes >&2"])
def test_a_command_that_floods_is_given_up_at_its_bound(place: Neighbourhood, flood: str) -> None:
    with pytest.raises(CutShort, match="50000 bytes") as error:
        ask(place, lambda it: it.run(flood, bounds=Bounds(60, 50_000)))
    assert len(error.value.stdout + error.value.stderr) <= 50_000


def test_after_a_command_was_given_up_the_connection_serves_on(place: Neighbourhood) -> None:
    async def asks(connection: HeldConnection) -> Completed:
        for command in ("exec yes", "exec sleep 60"):
            with pytest.raises(CutShort):
                await connection.run(command, bounds=Bounds(0.5, 1000))
        return await connection.run("echo still here", bounds=BOUNDS)

    assert ask(place, asks).stdout == b"still here\n"


def test_commands_side_by_side_are_not_mixed_up(place: Neighbourhood) -> None:
    async def asks(connection: HeldConnection) -> list[Completed]:
        return await asyncio.gather(*(connection.run(f"echo {number}", bounds=BOUNDS) for number in range(30)))

    assert [done.stdout for done in ask(place, asks)] == [f"{number}\n".encode() for number in range(30)]


def test_a_closed_connection_may_be_closed_again_and_answers_no_more(place: Neighbourhood) -> None:
    async def asks(connection: HeldConnection) -> None:
        await connection.close()
        await connection.close()
        await connection.run("true", bounds=BOUNDS)

    with pytest.raises(CouldNotLook):
        ask(place, asks)


def test_only_authenticated_ciphers_and_elliptic_key_exchanges_are_agreed_on(place: Neighbourhood) -> None:
    async def asks(connection: HeldConnection) -> str:
        return str(connection.ssh.get_extra_info("recv_cipher"))

    assert ask(place, asks).startswith(("aes256-gcm", "chacha20-poly1305"))


@pytest.mark.parametrize(
    "old",
    [
        {"kex_algs": ["diffie-hellman-group14-sha1"]},
        {"encryption_algs": ["aes128-ctr"], "mac_algs": ["hmac-sha1"]},
    ],
)
def test_a_host_with_only_old_algorithms_is_refused(place: Neighbourhood, old: dict[str, object]) -> None:
    error = refused(place, **old)
    assert "only algorithms that are refused" in error.what
    assert error.hint


def test_a_host_whose_key_is_not_known_is_refused(place: Neighbourhood) -> None:
    async def session() -> None:
        async with place.serve() as server:
            place.lead("db", server.get_port(), None)
            await connect("db", place.config, CALM)

    with pytest.raises(CouldNotLook, match="not known under the name db") as error:
        asyncio.run(session())
    assert "known_hosts" in str(error.value.hint)


def test_a_host_that_shows_another_key_than_before_is_refused(place: Neighbourhood) -> None:
    error = refused(place, server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")])
    assert "another host key" in error.what


def test_a_host_that_shows_a_key_of_another_sort_than_before_is_refused_the_same(place: Neighbourhood) -> None:
    error = refused(place, server_host_keys=[asyncssh.generate_private_key("ecdsa-sha2-nistp256")])
    assert "another host key" in error.what


def test_the_known_key_of_one_host_opens_no_other(place: Neighbourhood) -> None:
    async def session() -> None:
        async with place.serve("db", "web"):
            place.known = [line for line in place.known if not line.startswith("web")]
            await connect("web", place.config, CALM)

    with pytest.raises(CouldNotLook, match="not known under the name web"):
        asyncio.run(session())


def test_a_host_that_does_not_let_us_in_says_what_to_look_at(place: Neighbourhood) -> None:
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    error = refused(place, authorized_client_keys=asyncssh.import_authorized_keys(stranger))
    assert "does not let deploy in" in error.what
    assert str(place.folder / "id_ed25519") in str(error.hint)


@pytest.mark.parametrize("content", ["", "nonsense", None])
def test_a_private_key_that_cannot_be_read_is_named(place: Neighbourhood, content: str | None) -> None:
    place.lead("db", 1, None)
    key = place.folder / "id_ed25519"
    key.unlink()
    if content is not None:
        key.write_text(content)
    with pytest.raises(CouldNotLook, match="private key") as error:
        asyncio.run(connect("db", place.config, CALM))
    assert error.value.where == str(key)


def test_a_private_key_with_a_passphrase_asks_for_none(place: Neighbourhood) -> None:
    place.lead("db", 1, None)
    change = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "a few words", "-f", place.folder / "id_ed25519"]
    (place.folder / "id_ed25519").chmod(0o600)
    subprocess.run(change, check=True, stdout=subprocess.DEVNULL)
    with pytest.raises(CouldNotLook, match="private key"):
        asyncio.run(connect("db", place.config, CALM))


def test_where_nobody_listens_a_few_attempts_are_made_and_no_more(place: Neighbourhood) -> None:
    place.lead("db", 1, None)
    with pytest.raises(CouldNotLook, match=r"(?i)refused"):
        asyncio.run(asyncio.wait_for(connect("db", place.config, HASTE), 20))


@pytest.mark.parametrize(("failures", "succeeds"), [(2, True), (3, False)])
def test_a_host_that_hangs_up_at_first_is_tried_again(place: Neighbourhood, failures: int, succeeds: bool) -> None:  # noqa: FBT001
    left = failures

    class Busy(LetsForward):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            nonlocal left
            left -= 1
            if left >= 0:
                conn.abort()

    async def session() -> Completed:
        async with place.serve("db", server_factory=Busy):
            connection = await connect("db", place.config, CALM)
            try:
                return await connection.run("echo in", bounds=BOUNDS)
            finally:
                await connection.close()

    if succeeds:
        assert asyncio.run(session()).stdout == b"in\n"
    else:
        with pytest.raises(CouldNotLook, match="hung up"):
            asyncio.run(session())


def test_pauses_grow_and_are_drawn_anew() -> None:
    patience = Patience(attempts=6, pause=1.0)
    draws = [list(patience.pauses()) for _ in range(200)]
    assert all(0 <= pause <= 2**number for pauses in draws for number, pause in enumerate(pauses))
    assert len({pauses[-1] for pauses in draws}) > 100
    assert max(pauses[-1] for pauses in draws) > 8


def test_twenty_hosts_behind_a_bastion_share_one_connection_to_it(place: Neighbourhood) -> None:
    entered = []

    class Counted(LetsForward):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            entered.append(conn)

    names = [f"host-{number}" for number in range(20)]

    async def session() -> list[bytes]:
        async with (
            place.serve("bastion", server_factory=Counted),
            place.serve(*names, lines=("ProxyJump bastion",)),
            Switchboard(place.config, CALM) as switchboard,
        ):
            held = await asyncio.gather(*map(switchboard.connect, names))
            done = await asyncio.gather(*(it.run("echo in", bounds=BOUNDS) for it in held))
            return [it.stdout for it in done]

    assert asyncio.run(session()) == [b"in\n"] * 20
    assert len(entered) == 1


def test_a_chain_of_bastions_is_followed(place: Neighbourhood) -> None:
    async def session() -> bytes:
        async with (
            place.serve("outer"),
            place.serve("inner", lines=("ProxyJump nowhere",)),
            place.serve("db", lines=("ProxyJump outer,inner",)),
        ):
            connection = await connect("db", place.config, CALM)
            try:
                return (await connection.run("echo in", bounds=BOUNDS)).stdout
            finally:
                await connection.close()

    assert asyncio.run(session()) == b"in\n"


def test_a_bastion_that_does_not_answer_is_named(place: Neighbourhood) -> None:
    place.lead("bastion", 1, None)
    place.lead("db", 22, None, "ProxyJump bastion")
    with pytest.raises(CouldNotLook, match=r"by way of bastion: .*refused") as error:
        asyncio.run(connect("db", place.config, HASTE))
    assert error.value.where == "db"


def test_a_bastion_that_is_lost_is_entered_anew(place: Neighbourhood) -> None:
    async def session() -> bytes:
        async with (
            place.serve("bastion") as bastion,
            place.serve("db", lines=("ProxyJump bastion",)),
            Switchboard(place.config, CALM) as switchboard,
        ):
            first = await switchboard.connect("db")
            await first.run("true", bounds=BOUNDS)
            for jump in switchboard._jumps.values():  # noqa: SLF001 - the cable is cut from outside
                (await jump.connection()).ssh.abort()
            with pytest.raises(CouldNotLook):
                await first.run("true", bounds=BOUNDS)
            assert bastion.get_port()
            return (await (await switchboard.connect("db")).run("echo again", bounds=BOUNDS)).stdout

    assert asyncio.run(session()) == b"again\n"


def test_a_way_that_leads_in_a_circle_is_refused(place: Neighbourhood) -> None:
    place.lead("one", 1, None, "ProxyJump two")
    place.lead("two", 1, None, "ProxyJump one")
    with pytest.raises(CouldNotLook, match="back to"):
        asyncio.run(asyncio.wait_for(connect("one", place.config, HASTE), 20))


def test_a_host_is_entered_by_a_proxy_command(place: Neighbourhood) -> None:
    door = "bash -c 'echo not the host >&2; exec 3<>/dev/tcp/%h/%p; cat <&3 & exec cat >&3'"
    done = ask(place, lambda it: it.run("echo in", bounds=BOUNDS), lines=(f"ProxyCommand {door}",))
    assert done.stdout == b"in\n"


@pytest.mark.parametrize("command", ["false", "exec sleep 30", "echo nonsense", "no-such-program-here"])
def test_a_proxy_command_that_leads_nowhere_is_no_traceback(place: Neighbourhood, command: str) -> None:
    place.lead("db", 22, None, f"ProxyCommand {command}")
    with pytest.raises(CouldNotLook):
        asyncio.run(asyncio.wait_for(connect("db", place.config, HASTE), 20))


BANNERS = {
    "nothing": b"",
    "another protocol": b"HTTP/1.0 400 Bad Request\r\n\r\n",
    "an old protocol": b"SSH-1.5-old\r\n",
    "an endless line": b"a" * 1_000_000,
    "endless lines": b"welcome\r\n" * 100_000,
    "a packet too big": b"SSH-2.0-x\r\n\xff\xff\xff\xff" + bytes(64),
    "noise after its name": b"SSH-2.0-x\r\n" + bytes(range(256)) * 40,
    "escape sequences": b"SSH-2.0-\x1b]0;owned\x07\r\n" + b"\x00\x00\x00\x0c\x0a\x01" + b"\x1b[2J" * 3,
    "a parting word with escape sequences": b"SSH-2.0-x\r\n"
    b"\x00\x00\x00\x24\x04\x01\x00\x00\x00\x02\x00\x00\x00\x12\x1b]0;owned\x07 went awry\x00\x00\x00\x00" + bytes(20),
}


@pytest.mark.parametrize("said", BANNERS)
@pytest.mark.parametrize("hangs_up", [True, False])
def test_whatever_answers_instead_of_a_host_is_told_in_printable_words(
    place: Neighbourhood,
    said: str,
    hangs_up: bool,  # noqa: FBT001
    caplog: pytest.LogCaptureFixture,
    capfd: Any,  # noqa: ANN401
) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(BANNERS[said])
            await writer.drain()
            await asyncio.sleep(0 if hangs_up else 30)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def session() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            place.lead("db", server.sockets[0].getsockname()[1], place.client)
            await connect("db", place.config, Patience(seconds=0.5, attempts=2, pause=0.01))

    with pytest.raises(CouldNotLook) as error, caplog.at_level(logging.ERROR):
        asyncio.run(session())
    assert error.value.where == "db"
    assert error.value.what.isprintable()
    assert "Traceback" not in caplog.text + "".join(capfd.readouterr())
