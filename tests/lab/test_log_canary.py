"""The canary's whole way on real machines: it arrives, and what cuts the way is told at both ends, and nowhere else."""

from __future__ import annotations

import time

import pytest
from towns import LabTown

pytestmark = pytest.mark.lab

HEARD = ("log", "logs/canary-heard")
SAID = "systemctl start beffroi-canary.service"
LINES = "grep -c 'beffroi-canary.* core authpriv' /var/log/remote/core.log || true"
# The file stays the one that rsyslog writes to.
AGED = (
    "day=$(date -u +%Y-%m-%d); before=$(date -u -d '2 days ago' +%Y-%m-%d); "
    'sed "/beffroi-canary/s/^$day/$before/" /var/log/remote/core.log > /root/aged; '
    "cat /root/aged > /var/log/remote/core.log; rm -f /root/aged /var/log/remote/core.log.1"
)


def _arrived(hamlet: LabTown, before: int) -> bool:
    """Wait up to ten seconds for one canary of the core more than there were."""
    deadline = time.monotonic() + 10
    while int(hamlet.exec("log", LINES)) <= before and time.monotonic() < deadline:
        time.sleep(0.5)
    return int(hamlet.exec("log", LINES)) > before


def test_a_canary_arrives_at_the_collector(hamlet: LabTown) -> None:
    before = int(hamlet.exec("log", LINES))
    hamlet.exec("core", SAID)
    assert _arrived(hamlet, before)


def test_a_way_that_was_cut_is_told_at_both_ends_and_nowhere_else(hamlet: LabTown) -> None:
    hamlet.exec("core", "mv /etc/rsyslog.d/10-beffroi-forward.conf /root/kept; systemctl restart rsyslog")
    hamlet.exec("log", AGED)
    hamlet.exec("core", SAID)
    assert hamlet.not_passing() == {("core", "logs/forwarded-to-the-collector"): "fail", HEARD: "fail"}
    mended = hamlet.apply()
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert hamlet.not_passing() == {}


def test_a_canary_filtered_on_its_way_is_told_though_all_else_arrives(hamlet: LabTown) -> None:
    quiet = "/etc/rsyslog.d/05-quiet.conf"
    hamlet.exec("core", f"echo ':programname, isequal, \"beffroi-canary\" stop' > {quiet}; systemctl restart rsyslog")
    hamlet.exec("log", AGED)
    hamlet.exec("core", f"{SAID}; logger still here")
    assert hamlet.not_passing() == {("core", "logs/forwarded-to-the-collector"): "fail", HEARD: "fail"}
    assert "fail" not in hamlet.exec("log", "tail -n 50 /var/log/remote/core.log | grep -c 'still here' || echo fail")
    mended = hamlet.apply()
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert hamlet.not_passing() == {}


def test_a_stranger_with_no_certificate_of_the_towns_is_not_heard(hamlet: LabTown) -> None:
    hamlet.exec(
        "core",
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /root/k -out /root/c"
        " -subj /CN=core.hamlet.internal -days 1 2>/dev/null;"
        " printf '<38>1 2026-11-26T19:00:00Z core x - - - stranger-canary\\n' | timeout 5 openssl s_client -quiet"
        " -connect 10.99.20.13:6514 -cert /root/c -key /root/k >/dev/null 2>&1 || true; rm /root/k /root/c;"
        " printf 'stranger-canary\\n' | timeout 3 nc -w 2 10.99.20.13 6514 || true",
    )
    # sudo traces the command above, word for word: what a stranger said would end its line.
    assert hamlet.exec("log", "grep -c ' stranger-canary$' /var/log/remote/core.log || true").strip() == "0"
    assert "signer not found" in hamlet.exec("log", "grep 'not permitted to talk to peer' /var/log/syslog | tail -n 1")
