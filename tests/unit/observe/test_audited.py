from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from beffroi import declaration, probe
from beffroi.auditing import write_config
from beffroi.desired import DesiredState
from beffroi.errors import InvalidInput
from beffroi.kinds import audit_access, sysctl
from beffroi.observe.audited import SnapshotHost, look_as_auditor, observation
from beffroi.observe.connection import Completed
from beffroi.verdict import Observation

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 26, tzinfo=UTC)
SETTINGS = [sysctl.Setting(name="net.ipv4.tcp_syncookies", value="1")]


@pytest.fixture(name="desired", scope="module")
def _desired() -> DesiredState:
    return declaration.load(ROOT / "tests/cases/hamlet").desired


def _seen(**sections: str) -> Observation:
    text = "".join(f"@@beffroi {name}\n{output}" for name, output in sections.items())
    (command,) = probe.commands({"sysctl": SETTINGS})
    host = SnapshotHost("db", {command: Completed(text.encode(), b"", 0)}, NOW)
    return observation(host, "sysctl", SETTINGS)


def test_a_kind_reads_the_probes_answer_as_it_would_read_a_live_host() -> None:
    seen = _seen(mounts="/proc rw\n", virtualization="none\n", files="net/ipv4/tcp_syncookies = 1\n")
    assert seen.facts == {
        "virtualization": "none",
        "files": {"net/ipv4/tcp_syncookies": {"value": "1", "own": True}},
    }


def test_what_was_read_is_kept_as_a_capture() -> None:
    (capture,) = _seen(mounts="/proc rw\n", virtualization="none\n", files="").captures
    assert (capture.host, capture.when, capture.exit_code) == ("db", NOW, 0)


def test_an_answer_that_a_kind_cannot_read_is_no_answer() -> None:
    seen = _seen(mounts="awk: cut short\n", virtualization="none\n", files="")
    assert (seen.facts, bool(seen.could_not_look)) == (None, True)


def test_a_question_that_the_probe_did_not_ask_is_no_answer() -> None:
    seen = observation(SnapshotHost("db", {}, NOW), "sysctl", SETTINGS)
    assert (seen.facts, bool(seen.could_not_look)) == (None, True)


@pytest.mark.parametrize(
    "says",
    ["echo 'ssh: no route to host' >&2; exit 255", "exit 0", "echo beffroi-audit-refused 0123", "yes"],
    ids=["unreachable", "silent", "refuses", "floods"],
)
def test_a_host_that_does_not_give_the_answer_spoils_its_own_verdicts_alone(
    ssh_plays: Callable[[str], Any], desired: DesiredState, says: str
) -> None:
    pin = audit_access.pinned(desired.settings("log")["audit_access"][0])
    count = len(desired.settings("log"))
    frames = "".join(rf"\n@@b out {number}\n\n@@b end {number} 0\n" for number in range(1, count + 1))
    good = shlex.quote(rf"beffroi-audit-1 {pin} b\n{frames}\n@@b done {count}\n")
    stub = ssh_plays(f'[ "$4" = log ] || {{ {says}; }}\n[ "$4" != log ] || printf {good}')
    seen = look_as_auditor(desired, ["mirror", "log"], stub.config, seen=lambda observation: observation)
    assert {it.could_not_look == "" or bool(it.captures) for it in seen if it.host == "log"} == {True}
    assert all(it.facts is None and not it.captures and it.could_not_look for it in seen if it.host == "mirror")


def test_the_auditors_way_is_the_stacks_with_another_account_and_key(tmp_path: Path) -> None:
    (tmp_path / "ssh_config").write_text('Host *\n  User deploy\n  ControlPath "/run/beffroi-ssh/abc-%C"\n')
    (tmp_path / "100%key").touch()
    text = write_config(tmp_path / "ssh_config", tmp_path / "100%key").read_text()
    assert "\n  User audit\n" in text
    assert '100%%key"\n' in text
    assert '\n  ControlPath "/run/beffroi-ssh/' in text
    assert text.endswith(f'Include "{tmp_path / "ssh_config"}"\n')


def test_a_key_that_is_not_there_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        write_config(tmp_path / "ssh_config", tmp_path / "key")
