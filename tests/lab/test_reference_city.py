"""The showcase: Bourg-sur-Gave stands, all of it, and its parts talk as declared."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from towns import LabTown, new_town

pytestmark = pytest.mark.lab

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabTown]:
    town = new_town(Path("inventory/bourg-sur-gave"), "city", tmp_path_factory.mktemp("city"))
    done = town.apply()
    try:
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
        yield town
    finally:
        town.beffroi("lab", "down")
    assert town.leftovers() == []


def reaches(town: LabTown, station: str, address: str, port: int) -> bool:
    argv = ["ip", "netns", "exec", f"bf-{town.stack}.{station}", "nc", "-z", "-w", "2", address, str(port)]
    return subprocess.run(argv, capture_output=True, timeout=30, check=False).returncode == 0


def test_every_control_passes_on_the_reference_city(city: LabTown) -> None:
    assert city.not_passing() == {}


def test_its_machines_use_less_than_three_gibibytes(city: LabTown) -> None:
    # Proportional set sizes of all that runs inside the containers: what the lab costs this computer.
    used = 0
    for entry in Path("/proc").glob("[0-9]*/cgroup"):
        rollup = entry.with_name("smaps_rollup")
        root = entry.with_name("root")
        try:
            inside = f"/labs/{city.stack}/" in (entry.with_name("mountinfo").read_text().splitlines() or [""])[0]
            inside = inside or f"/labs/{city.stack}/" in str(root.resolve())
            used += (
                next(int(line.split()[1]) for line in rollup.read_text().splitlines() if line.startswith("Pss:"))
                if inside
                else 0
            )
        except (OSError, StopIteration):
            continue
    assert 20 * 1024 < used < 3 * 1024 * 1024, f"{used} KiB"


def listen(town: LabTown, host: str, port: int) -> None:
    """Let something answer on `port` for half a minute: what is tested is the way there, through real firewalls."""
    for family in ("4", "6"):
        unit = f"--unit=listen-{port}-{family}"
        town.exec(host, f"systemd-run --quiet --collect {unit} timeout 30 nc -{family} -lk -p {port}")


def test_the_internet_reaches_the_portal_and_nothing_behind_it(city: LabTown) -> None:
    listen(city, "web", 443)
    listen(city, "db", 5432)
    assert reaches(city, "internet", "198.51.100.10", 443)
    assert reaches(city, "internet", "2001:db8:78:1e::10", 443)
    assert not reaches(city, "internet", "198.51.100.10", 22)
    assert not reaches(city, "internet", "10.78.20.11", 5432)


def test_sensors_reach_their_collector_and_no_store(city: LabTown) -> None:
    listen(city, "mqtt", 8883)
    listen(city, "app", 8080)
    assert reaches(city, "air-sensors", "10.78.20.12", 8883)
    assert not reaches(city, "air-sensors", "10.78.20.10", 8080)
    assert not reaches(city, "air-sensors", "2001:db8:78:14::10", 8080)
