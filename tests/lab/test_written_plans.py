"""A plan written to a file, judged, and applied on real machines; and all that makes the same file refuse."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from repositories import CHECKOUT, TownRepository, town_repository
from towns import LabTown

from beffroi.records import read_plan

pytestmark = pytest.mark.lab

OPENED = (
    "  - {name: admin-to-mirror, from: admin-workstations, to: mirror, service: packages, purpose: {fr: x, en: x}}\n"
)
LAST_FLOW = "  - {name: sensors-to-time"


@pytest.fixture(name="made")
def _made(tmp_path: Path, hamlet: LabTown) -> Iterator[TownRepository]:
    """The hamlet's files where a test may edit them; its machines are as before once the test is over."""
    made = town_repository(tmp_path / "repository")
    shutil.copytree(CHECKOUT / "roles", made.folder / "roles")
    yield made
    assert hamlet.apply().returncode == 0


@pytest.fixture(name="town")
def _town(made: TownRepository, hamlet: LabTown) -> LabTown:
    return LabTown(made.town, hamlet.stack, hamlet.state)


def in_station(town: LabTown, station: str, *argv: str) -> subprocess.CompletedProcess[str]:
    enter = ["ip", "netns", "exec", f"bf-{town.stack}.{station}", *argv]
    return subprocess.run(enter, capture_output=True, text=True, timeout=30, check=False)


def reaches_the_mirror(town: LabTown) -> bool:
    return in_station(town, "admin-workstations", "nc", "-z", "-w", "2", "10.99.10.11", "80").returncode == 0


def written(town: LabTown, file: Path) -> dict[str, object]:
    done = town.beffroi("plan", "--json", "--out", str(file))
    assert done.returncode == 0, done.stderr
    plan: dict[str, object] = json.loads(done.stdout)
    return plan


def decided(town: LabTown, plan: Path) -> subprocess.CompletedProcess[str]:
    return town.beffroi("gate", "--plan", str(plan), "--decision", str(plan.with_suffix(".decision.json")))


def apply(town: LabTown, plan: Path) -> subprocess.CompletedProcess[str]:
    argv = [str(Path(sys.executable).with_name("beffroi")), "apply", str(plan), "--yes"]
    return subprocess.run(
        argv, env=town.environment, cwd=town.folder.parents[1], capture_output=True, text=True, timeout=600, check=False
    )


def test_a_plan_is_written_judged_and_applied_once(made: TownRepository, town: LabTown, tmp_path: Path) -> None:
    made.edit("inventory/hamlet/city.yml", LAST_FLOW, OPENED + LAST_FLOW)
    plan = tmp_path / "plan.json"
    told = town.beffroi("plan", "--out", str(plan))
    assert "changed in rulesets: mirror" in told.stdout, told.stdout
    unapproved = apply(town, plan)
    assert (unapproved.returncode, "no decision approves this plan" in unapproved.stderr) == (1, True)
    assert not reaches_the_mirror(town)
    judged = decided(town, plan)
    assert judged.returncode == 0, judged.stdout + judged.stderr
    done = apply(town, plan)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert reaches_the_mirror(town)
    after = written(town, tmp_path / "after.json")
    assert after["steps"] == []
    assert after["applied"] == {part: after[part] for part in ("settings", "rulesets", "processing")}
    again = apply(town, plan)
    assert again.returncode == 1
    assert "what was applied last" in again.stderr


def test_what_is_altered_by_hand_after_the_decision_refuses_the_plan(town: LabTown, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    assert written(town, plan)["steps"] == []
    assert decided(town, plan).returncode == 0
    in_station(town, "mirror", "ip", "addr", "add", "10.99.10.77/24", "dev", "admin")
    refused = apply(town, plan)
    assert refused.returncode == 1
    assert "no longer fits: provisioning steps (" in refused.stderr
    assert "10.99.10.77" in in_station(town, "mirror", "ip", "addr").stdout


def test_a_file_edited_after_the_decision_refuses_the_plan(made: TownRepository, town: LabTown, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    written(town, plan)
    assert decided(town, plan).returncode == 0
    made.edit("inventory/hamlet/city.yml", LAST_FLOW, OPENED + LAST_FLOW)
    refused = apply(town, plan)
    assert refused.returncode == 1
    assert "no longer fits: declaration, settings, rulesets (" in refused.stderr


def test_what_is_applied_is_the_remedied_value_of_the_plan(made: TownRepository, town: LabTown, tmp_path: Path) -> None:
    made.edit("inventory/hamlet/city.yml", 'mode: "0750"', 'mode: "0755"')
    town.exec("log", "chmod 0755 /srv/records")
    plan = tmp_path / "plan.json"
    written(town, plan)
    assert [it.becomes for it in read_plan(plan).remedies] == ["0750"]
    assert decided(town, plan).returncode == 0
    done = apply(town, plan)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert 'hosts.log.stores.records.mode: planned with "0750" instead of "0755"' in done.stderr
    assert town.exec("log", "stat -c %a /srv/records").strip() == "750"
