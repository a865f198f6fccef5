"""What a run on real machines keeps: the same verdicts offline, and nothing that should not leave a machine."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from towns import REPOSITORY, LabTown

from beffroi import declaration
from beffroi.desired import DesiredState
from beffroi.judge import judge
from beffroi.observe.captures import KeptRun
from beffroi.observe.connection import Bounds, Completed
from beffroi.observe.look import look_at
from beffroi.observe.observing import observed
from beffroi.observe.recorder import RecordingSsh
from beffroi.observe.system_ssh import SystemSsh, town_ssh
from beffroi.verdict import Capture, Observation

pytestmark = pytest.mark.lab

BEFFROI = str(Path(sys.executable).with_name("beffroi"))
HASH = re.compile(rb"\$(?:y|6|5|1)\$[./A-Za-z0-9$]{8,}")


def offline(town: LabTown, run: str) -> tuple[int, list[dict[str, Any]]]:
    """Judge a run again where there is no network at all."""
    argv = ["unshare", "--net", BEFFROI, "verify", "--stack", town.stack, str(town.folder), "--json"]
    argv += ["--from-captures", run]
    done = subprocess.run(
        argv, env=town.environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["verdicts"]


@pytest.fixture(scope="module")
def verified(hamlet: LabTown) -> tuple[int, list[dict[str, Any]]]:
    done = hamlet.beffroi("verify", "--json")
    return done.returncode, json.loads(done.stdout)["verdicts"]


@pytest.fixture(scope="module")
def run(hamlet: LabTown, verified: object) -> Path:  # noqa: ARG001 - the run that it made
    return newest(hamlet)


@pytest.fixture
def copied(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / "run"))


def newest(town: LabTown) -> Path:
    return max((town.state / town.stack / "runs").iterdir())


def blobs(run: Path) -> dict[Path, bytes]:
    return {path: zlib.decompress(path.read_bytes()) for path in (run / "captures/blobs").rglob("*") if path.is_file()}


def test_a_whole_run_is_judged_again_equal_verdict_for_verdict(
    hamlet: LabTown, verified: tuple[int, list[dict[str, Any]]]
) -> None:
    assert len(verified[1]) > 300
    assert offline(hamlet, "latest") == verified


def test_a_run_is_found_by_its_name_and_by_its_folder(
    hamlet: LabTown, verified: tuple[int, list[dict[str, Any]]], run: Path, copied: Path
) -> None:
    assert offline(hamlet, run.name) == verified
    assert offline(hamlet, str(copied)) == verified


def test_an_altered_answer_is_an_error_of_its_kinds_alone(
    hamlet: LabTown, verified: tuple[int, list[dict[str, Any]]], copied: Path
) -> None:
    altered = max(blobs(copied), key=lambda path: path.stat().st_size)
    altered.write_bytes(zlib.compress(b"all is well"))
    code, verdicts = offline(hamlet, str(copied))
    unlike = [now for before, now in zip(verified[1], verdicts, strict=True) if before != now]
    assert code == 2
    assert {verdict["outcome"] for verdict in unlike} == {"error"}
    assert len({verdict["kind"] for verdict in unlike}) == 1


def test_a_killed_verification_is_known_to_be_cut_short(hamlet: LabTown, run: Path) -> None:
    argv = [BEFFROI, "verify", "--stack", hamlet.stack, str(hamlet.folder), "--json"]
    process = subprocess.Popen(argv, env=hamlet.environment, cwd=REPOSITORY, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while newest(hamlet) == run and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed = newest(hamlet)
    try:
        kept = KeptRun.open(killed / "captures")
        code, verdicts = offline(hamlet, killed.name)
    finally:
        shutil.rmtree(killed)  # later tests take the latest
    assert not kept.complete
    assert code == 2
    assert "error" in {verdict["outcome"] for verdict in verdicts}


def test_a_host_takes_little_room_and_no_hash_leaves_it(run: Path) -> None:
    whole = sum(path.stat().st_size for path in (run / "captures").rglob("*") if path.is_file())
    assert whole < 4 * 1_000_000
    assert len(blobs(run)) > 50
    assert not [path for path, text in blobs(run).items() if HASH.search(text)]


def test_a_report_has_the_captures_that_the_run_kept(hamlet: LabTown, tmp_path: Path, run: Path) -> None:
    assert run == newest(hamlet)
    done = hamlet.beffroi("report", "--html", str(tmp_path / "r.html"))
    assert done.returncode == 0, done.stderr
    assert "captures" not in json.loads((run / "run.json").read_text())["observations"][0]


@pytest.fixture(scope="module")
def desired(hamlet: LabTown) -> DesiredState:
    return declaration.load(hamlet.folder).desired


class Counting(SystemSsh):
    """Counts the commands that run on a host."""

    count = 0

    async def run(self, command: str, *, stdin: bytes = b"", bounds: Bounds) -> Completed:
        self.count += 1
        return await super().run(command, stdin=stdin, bounds=bounds)


def test_a_machine_is_seen_whole_in_one_exec(hamlet: LabTown, desired: DesiredState) -> None:
    way = Counting("log", options=town_ssh("log", ssh_config(hamlet)).options)
    seen = asyncio.run(look_at(way, desired.settings("log")))
    assert len(seen) == len(desired.settings("log"))
    assert way.count == 1


def test_asked_together_or_one_by_one_the_verdicts_are_the_same(hamlet: LabTown, desired: DesiredState) -> None:
    together = asyncio.run(look_at(town_ssh("log", ssh_config(hamlet)), desired.settings("log")))
    alone = one_by_one(hamlet, desired, "log")
    assert told(desired, together) == told(desired, alone)
    assert [it.could_not_look for it in together] == [""] * len(together)


def one_by_one(town: LabTown, desired: DesiredState, host: str) -> list[Observation]:
    recorder = RecordingSsh(host, ssh_config(town))

    def ask(command: str) -> Capture:
        recorder.run_ssh(command)
        return recorder.take_captures()[0]

    return [observed(host, kind, settings, ask) for kind, settings in desired.settings(host).items()]


def told(desired: DesiredState, seen: list[Observation]) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Return verdicts without the clock's offset, which no two looks find alike."""
    return [
        (
            it.control,
            it.outcome,
            [(found.subject, found.observed) for found in it.findings if found.subject != "offset"],
        )
        for it in judge(desired, seen)
        if it.host == "log"
    ]


def ssh_config(town: LabTown) -> Path:
    return town.state / town.stack / "ssh" / "ssh_config"
