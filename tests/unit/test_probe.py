"""The probe, run by a real POSIX shell: its frames hold what its commands left behind, byte for byte."""

import subprocess
from pathlib import Path

import pytest

from beffroi import declaration, kinds, probe
from beffroi.desired import DesiredState
from beffroi.errors import CouldNotLook
from beffroi.kinds import audit_access, sysctl
from beffroi.observe.connection import Completed
from beffroi.observe.snapshot import read

ROOT = Path(__file__).parents[2]
PINNED = "5" * 64


@pytest.fixture(name="desired", scope="module")
def _desired() -> DesiredState:
    return declaration.load(ROOT / "tests/cases/hamlet").desired


def _answer(*commands: str) -> bytes:
    script = f"pinned={PINNED}\n{probe.program(commands)}"
    return subprocess.run(["/bin/sh", "-c", script], capture_output=True, timeout=30, check=True).stdout


@pytest.mark.parametrize(
    ("command", "left"),
    [
        ("echo seen", Completed(b"seen\n", b"", 0)),
        ("printf 'no newline'", Completed(b"no newline", b"", 0)),
        ("true", Completed(b"", b"", 0)),
        ("exit 7", Completed(b"", b"", 7)),
        ("printf '\\000\\377\\n\\n\\n'", Completed(b"\0\xff\n\n\n", b"", 0)),
        ("echo out; echo 'err=1' >&2; exit 3", Completed(b"out\n", b"err=1\n", 3)),
        ("printf '=a=%s\\n\\n' \"it's\" >&2", Completed(b"", b"=a=it's\n\n", 0)),
        ("printf '\\n@@beffroi done 1\\n'", Completed(b"\n@@beffroi done 1\n", b"", 0)),
        ("cat", Completed(b"", b"", 0)),
        ("echo $count$boundary; exec 3>&2; echo lost >&3", Completed(b"\n", b"lost\n", 0)),
        ("head -c 3000000 /dev/zero", Completed(b"\0" * 3_000_000, b"", 0)),
    ],
)
def test_a_frame_holds_what_its_command_left_behind(command: str, left: Completed) -> None:
    assert read(_answer("echo before", command, "echo after"), ["1", command, "2"], PINNED)[command] == left


def test_a_command_that_kills_its_own_shell_does_not_end_the_probe() -> None:
    found = read(_answer("kill -9 $$", "echo after"), ["killed", "after"], PINNED)
    assert (found["killed"].exit_code, found["after"].stdout) == (137, b"after\n")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda answer: answer[:-30],
        lambda answer: answer[: len(answer) // 2],
        lambda answer: answer.split(b"\n")[0],
        lambda answer: answer.replace(b" end 1 0\n", b" end 2 0\n"),
        lambda answer: answer.replace(b" end 1 0\n", b" end 1 x\n"),
        lambda answer: answer.replace(b" out 2\n", b" in 2\n"),
        lambda answer: b"Last login: today\n" + answer,
        lambda answer: answer.replace(PINNED.encode(), b"6" * 64),
        lambda _: b"",
        lambda _: b"beffroi-audit-refused \x1b[31m" + b"x" * 10_000,
        lambda _: f"beffroi-audit-1 {PINNED} \n".encode(),
        lambda _: b"\xff\xfe\0" * 1000,
    ],
)
def test_an_answer_that_is_not_the_probes_whole_one_is_no_answer(spoil: object) -> None:
    assert callable(spoil)
    answer = spoil(_answer("echo one", "echo two"))
    with pytest.raises(CouldNotLook) as raised:
        read(answer, ["one", "two"], PINNED)
    assert len(raised.value.what) < 1000


def test_an_answer_to_other_questions_is_no_answer() -> None:
    with pytest.raises(CouldNotLook):
        read(_answer("echo one"), ["one", "two"], PINNED)


def test_every_kind_asks_all_that_it_asks_before_it_hears_an_answer(desired: DesiredState) -> None:
    for host, settings in desired.all_settings().items():
        for kind, of_kind in settings.items():
            typed = [kinds.load(kind).Setting.model_validate(it) for it in of_kind]
            assert len(probe.commands({kind: typed})) == 1, f"{kind} on {host}"


def test_one_command_of_two_kinds_is_asked_once() -> None:
    settings = [sysctl.Setting(name="net.ipv4.ip_forward", value="0")]
    assert len(probe.commands({"sysctl": settings})) == 1
    assert len(probe.commands({"sysctl": settings + settings})) == 1


def test_the_probe_of_each_machine_asks_what_its_controls_ask_and_is_what_its_unit_is_pinned_to(
    desired: DesiredState,
) -> None:
    for host, settings in desired.all_settings().items():
        (way_in,) = settings["audit_access"]
        texts = {file["path"]: file["text"] for file in way_in["files"]}
        typed = {kind: [kinds.load(kind).Setting.model_validate(it) for it in of] for kind, of in settings.items()}
        assert texts["/usr/lib/beffroi/audit-probe"] == probe.program(probe.commands(typed)), host
        pin = audit_access.pinned(way_in)
        assert f"pinned={pin};" in texts["/etc/systemd/system/beffroi-audit@.service"], host
