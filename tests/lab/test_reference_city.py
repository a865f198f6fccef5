"""The showcase: Bourg-sur-Gave stands, all of it, and its parts talk as declared."""

from __future__ import annotations

import json
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
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
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


def prove(town: LabTown) -> tuple[int, list[dict[str, object]]]:
    done = town.beffroi("prove", "--deployed", "--json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["deviations"]


def test_the_firewalls_that_run_are_proved_to_let_through_what_is_declared(city: LabTown) -> None:
    assert prove(city) == (0, [])


def test_a_rule_added_by_hand_is_found_with_the_packets_that_it_opened(city: LabTown) -> None:
    rule = "ip saddr 10.78.50.0/24 tcp dport 5432 accept comment quick"
    city.exec("core", f"nft insert rule inet beffroi forward {rule}")
    try:
        code, deviations = prove(city)
    finally:
        city.exec("core", "nft -f /etc/nftables.conf")
    assert code == 1
    assert {(each["sort"], each["start"]) for each in deviations} == {("more", "schools"), ("refuted", "schools")}
    opened = {words for each in deviations for words in each["packets"] if each["end"] == "video"}  # type: ignore[attr-defined]
    # The gateway and the recorder refuse for themselves; the cameras have no firewall of their own.
    assert opened == {"10.78.50.0/24 -> 10.78.80.0, 10.78.80.2-10.78.80.9, 10.78.80.11-10.78.80.255 tcp/5432"}
    responsible = {(rule["machine"], rule["text"]) for each in deviations for rule in each["rules"]}  # type: ignore[attr-defined]
    assert responsible == {("core", "quick")}
    assert prove(city) == (0, [])


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("nft insert rule inet beffroi input tcp dport 3389 accept", "tcp/3389"),
        ("nft add chain inet beffroi input '{ policy accept; }'", "policy accept"),
        ("nft flush ruleset", "opened"),
        (
            (
                "nft add table ip extra; nft add chain ip extra c '{ type filter hook input priority -5; }'; "
                "nft add rule ip extra c tcp dport 5432 drop"
            ),
            "ip extra c",
        ),
        (
            (
                "nft add table netdev n; nft add chain netdev n c "
                "'{ type filter hook ingress device servers priority 0; policy accept; }'; "
                "nft add rule netdev n c ip saddr 10.78.50.0/24 drop"
            ),
            "netdev n",
        ),
    ],
    ids=["a rule", "a policy", "all flushed", "another table", "a chain on a device"],
)
def test_what_somebody_did_to_a_hosts_firewall_is_told(city: LabTown, script: str, words: str) -> None:
    assert city.beffroi("flows", "drift").returncode == 0
    city.exec("db", script)
    try:
        done = city.beffroi("flows", "drift")
    finally:
        city.exec("db", "nft flush ruleset; nft -f /etc/nftables.conf")
    assert done.returncode == (2 if "netdev" in script else 1), done.stdout + done.stderr
    assert "db: " in done.stdout
    assert words in done.stdout
