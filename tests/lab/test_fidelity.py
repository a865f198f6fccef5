"""What the batching backend answers is, to the byte, what testinfra's own `ssh` backend answers, on a real sshd."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Loopback, loopback_sshd
from testinfra.backend.ssh import SshBackend

from beffroi.errors import CouldNotLook
from beffroi.observe.backend import BatchingBackend, close_all
from beffroi.observe.batch import Answer, Batches
from beffroi.observe.connection import Bounds, Completed
from beffroi.observe.probes import Probe, probe
from beffroi.observe.system_ssh import SystemSsh

pytestmark = pytest.mark.lab

BOUNDS = Bounds(seconds=30, output=64 * 1024 * 1024)
PATHS = (
    *(
        "/",
        "/etc",
        "/etc/passwd",
        "/etc/shadow",
        "/etc/hostname",
        "/etc/ssh/sshd_config",
        "/etc/localtime",
        "/usr/bin/passwd",
    ),
    *("/bin/sh", "/srv", "/var/log", "/root", "/nonexistent", "/etc/passwd/x", "/usr/sbin/sshd", "/etc/sudoers"),
)
PACKAGES = ("bash", "coreutils", "openssh-server", "sudo", "nonexistent", "no..such", "dash", "libc6", "systemd")
PARAMETERS = (
    "kernel.ostype",
    "kernel.osrelease",
    "net.ipv4.ip_forward",
    "no.such.key",
    "vm.swappiness",
    "kernel.hostname",
)
UNITS = ("ssh", "ssh.service", "nonexistent", "systemd-journald", "getty@tty1", "chrony", "nftables.service")
NAMES = ("root", "auditor", "daemon", "nobody", "nonexistent")
PROBES = (
    *(f"stat -Lc %{letter} {path}" for letter in "aUuGgsi" for path in PATHS),
    *(f"test -{letter} {path}" for letter in "efdxL" for path in PATHS[:8]),
    *(f"dpkg-query -f '{form}' -W {name}" for form in ("${Status}", "${Status} ${Version}") for name in PACKAGES),
    *(f"sysctl -n {name}" for name in PARAMETERS),
    *(f"/usr/sbin/sysctl -n {name}" for name in PARAMETERS),
    *(f"systemctl {verb} {unit}" for verb in ("is-enabled", "is-active") for unit in UNITS),
    *(f"{asks} {name}" for asks in ("id", "id -u", "id -nG", "getent passwd", "getent group") for name in NAMES),
    *(f"command -v {name}" for name in ("sh", "command", "stat", "nonexistent", "/sbin/sysctl", "echo", "if", "kill")),
    *("uname -s", "uname -m", "cat /etc/os-release", "cat /nonexistent", "cat -- /etc/passwd", "readlink -f /bin/sh"),
    *(
        "realpath /bin/sh",
        "ls -1 -q -- /etc",
        "getent group root | cut -d':' -f3",
        "md5sum /etc/passwd | cut -d' ' -f1",
    ),
    *(
        "sha256sum /etc/passwd | cut -d ' ' -f 1",
        "sha256sum /nonexistent | cut -d ' ' -f 1",
        "grep -qs -- root /etc/passwd",
    ),
    *("grep -c '^[a-z]*:x' /etc/passwd", "nonexistent-program", "/nonexistent/program", "/etc/passwd", "stat"),
)
HOSTILE = (
    *(
        "true",
        "false",
        "exit 7",
        "exit 254",
        "echo a; echo b >&2; exit 3",
        "cat",
        "read x; echo got=$x",
        "printf 'no newline'",
    ),
    *("printf ''", r"printf '\000\377\001\n\r\200bin'", "head -c 100000 /dev/urandom | cksum > /dev/null", "if then"),
    "head -c 3000000 /dev/zero | tr '\\0' x",
    "head -c 2000000 /dev/zero | tr '\\0' e >&2",
    "head -c 1000000 /dev/zero",
    """echo 'quote '"'"' "dq" $HOME `id -u` $((1+1)) \\n'""",
    "echo \"a  b\"  'c' \\$d",
    *(
        "nosuchcmd_zz",
        "nosuchcmd_zz; echo on",
        "exec echo replaced",
        "cd /; pwd",
        "pwd",
        "set -e; false; echo unreachable",
    ),
    *(
        "trap 'echo bye' EXIT; true",
        "umask 077; umask",
        "umask",
        "echo é ünï \U0001f600",
        "for i in 1 2 3; do echo $i; done | tac",
    ),
    *(
        "(sleep 0.1; echo late) & wait",
        "echo $0",
        "echo $-",
        "ulimit -n",
        "PATH=/x; ls",
        "cat <<X\nhere\nX",
        "echo done # comment",
    ),
    *(
        "printf '%s %d %d;' 0123456789abcdef0123456789abcdef 1 0",
        "echo '} ; exit 9'",
        "}",
        ")",
        'echo "unclosed',
        "echo 'unclosed",
    ),
    *(
        "sh -c 'kill -9 $$' | cat; echo ${PIPESTATUS[0]}",
        "sh -c 'kill -TERM $$' | cat; echo after",
        "sleep 1; echo slept",
        "f() { echo mine; }; f 1",
        "s=/bin/false; echo $s",
    ),
    *(
        "exit",
        "return 3",
        "exec >&-; echo lost",
        "exec 2>&-; echo lost >&2",
        "printf 'x\\r\\ny'",
        "printf '\\033[2J\\033]0;owned\\007'",
    ),
    *(
        "alias ls=rm; echo aliased",
        "test 1 -eq x",
        "command -v if",
        "[ -z '' ] && echo empty",
        "echo {a,b}",
        "ls /etc/pass*",
    ),
    *(
        "printf '\\n\\n\\n'",
        "echo -n",
        "echo -e 'a\\tb'",
        "shopt -s nullglob; echo /nonexistent*",
        "unset PATH; echo $PATH",
    ),
)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    with loopback_sshd(tmp_path_factory.mktemp("sshd")) as started:
        yield started


@pytest.fixture(scope="module", params=["root", "auditor"])
def user(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def plain(target: Loopback, user: str) -> dict[str, Completed]:
    """What testinfra's own backend answers; one connection is shared, which changes nothing but the time."""
    held = f"-o ControlMaster=auto -o ControlPersist=60 -o ControlPath={target.folder}/plain-{user}"
    backend = SshBackend(f"{user}@{target.name}", ssh_config=str(target.ssh_config), ssh_extra_args=held)
    done = {command: backend.run(command) for command in (*PROBES, *HOSTILE)}
    return {command: Completed(it.stdout_bytes, it.stderr_bytes, it.rc) for command, it in done.items()}


def asked_together(
    target: Loopback, user: str, commands: tuple[str, ...], bounds: Bounds = BOUNDS
) -> dict[str, Answer]:
    async def ask() -> dict[str, Answer]:
        way = SystemSsh(target.name, options=("-F", str(target.ssh_config), "-o", f"User={user}"), held=True)
        try:
            return await Batches(way, bounds).ask(commands)
        finally:
            await way.close()

    return asyncio.run(ask())


def unlike(plain: dict[str, Completed], ours: dict[str, Answer]) -> dict[str, tuple[Completed, Answer]]:
    return {command: (plain[command], answer) for command, answer in ours.items() if plain[command] != answer}


def test_the_suite_is_as_large_and_as_hostile_as_promised() -> None:
    assert len({*PROBES, *HOSTILE}) >= 300
    assert len(set(HOSTILE)) >= 60


def test_every_probe_but_what_cannot_be_one_is_on_the_list() -> None:
    not_listed = {command for command in PROBES if probe(command) is Probe.NONE}
    assert not_listed == {"nonexistent-program", "/nonexistent/program", "/etc/passwd"}


def test_probes_asked_together_are_answered_as_one_by_one(
    target: Loopback, user: str, plain: dict[str, Completed]
) -> None:
    assert unlike(plain, asked_together(target, user, PROBES)) == {}


def test_hostile_commands_framed_together_are_answered_as_one_by_one(
    target: Loopback, user: str, plain: dict[str, Completed]
) -> None:
    assert unlike(plain, asked_together(target, user, HOSTILE)) == {}


def test_the_backend_answers_as_testinfras_own(target: Loopback, user: str, plain: dict[str, Completed]) -> None:
    backend = BatchingBackend(f"{user}@{target.name}", ssh_config=str(target.ssh_config))
    answers: dict[str, Answer] = {}
    try:
        for command in (*PROBES[:20], *HOSTILE):
            done = backend.run(command)
            answers[command] = Completed(done.stdout_bytes, done.stderr_bytes, done.rc)
    finally:
        close_all()
    assert unlike(plain, answers) == {}


def test_sudo_around_a_command_changes_its_answer_as_it_does_one_by_one(target: Loopback) -> None:
    asked = tuple(
        f"sudo -n -u root /bin/sh -c {command}" for command in ("'id -u'", "nosuchcmd_zz", "'cat /etc/shadow'")
    )
    backend = SshBackend(f"auditor@{target.name}", ssh_config=str(target.ssh_config))
    alone = {it: backend.run(it) for it in asked}
    expected = {it: Completed(done.stdout_bytes, done.stderr_bytes, done.rc) for it, done in alone.items()}
    assert unlike(expected, asked_together(target, "auditor", asked)) == {}


def test_a_command_that_hangs_spoils_no_other(target: Loopback) -> None:
    bounds = Bounds(seconds=6, output=BOUNDS.output)
    answers = asked_together(target, "root", ("echo before", "sleep 60", "echo after"), bounds)
    assert [type(answer) for answer in answers.values()] == [Completed, CouldNotLook, Completed] or isinstance(
        answers["sleep 60"], CouldNotLook
    )
    assert answers["echo before"] == Completed(b"before\n", b"", 0)
    assert answers["echo after"] == Completed(b"after\n", b"", 0)


def test_a_command_that_floods_spoils_no_other(target: Loopback) -> None:
    bounds = Bounds(seconds=20, output=1024 * 1024)
    answers = asked_together(target, "root", ("echo before", "yes", "echo after"), bounds)
    assert isinstance(answers["yes"], CouldNotLook)
    assert answers["echo before"] == Completed(b"before\n", b"", 0)
    assert answers["echo after"] == Completed(b"after\n", b"", 0)


def test_a_command_that_kills_its_readers_spoils_no_other(target: Loopback) -> None:
    answers = asked_together(target, "root", ("echo before", "kill -9 $PPID", "echo after"))
    assert isinstance(answers["kill -9 $PPID"], CouldNotLook)
    assert answers["echo before"] == Completed(b"before\n", b"", 0)


def test_asking_leaves_no_file_on_the_host(target: Loopback) -> None:
    def files() -> set[Path]:
        return {path for path in (target.folder / "upper").rglob("*") if "/root/.ssh" not in str(path)}

    before = files()
    asked_together(target, "root", (*PROBES[:50], *HOSTILE))
    assert files() == before
