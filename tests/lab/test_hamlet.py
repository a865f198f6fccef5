"""The whole of the main job on real machines: apply, break, verify, mend."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from towns import LabTown

from beffroi.pulumi_cli import find_pulumi
from beffroi.state import StackState

pytestmark = pytest.mark.lab

REPOSITORY = Path(__file__).parent.parent.parent


def in_station(town: LabTown, station: str, *argv: str) -> subprocess.CompletedProcess[str]:
    enter = ["ip", "netns", "exec", f"bf-{town.stack}.{station}", *argv]
    return subprocess.run(enter, capture_output=True, text=True, timeout=30, check=False)


def test_every_control_passes_on_a_town_that_was_just_applied(hamlet: LabTown) -> None:
    code, verdicts = hamlet.verdicts()
    wrong = {key: verdict for key, verdict in verdicts.items() if verdict["outcome"] not in {"pass", "notapplicable"}}
    assert wrong == {}
    assert code == 0
    assert {host for host, _ in verdicts} == {"core", "bastion", "mirror", "log", "vault", "mqtt"}


def test_kernel_wide_settings_are_not_applicable_for_a_stated_reason(hamlet: LabTown) -> None:
    _, verdicts = hamlet.verdicts()
    assert verdicts["log", "kernel/addresses-hidden"]["outcome"] == "notapplicable"
    assert verdicts["log", "kernel/addresses-hidden"]["reason"] == "shared kernel"


def test_a_second_apply_has_nothing_to_do(hamlet: LabTown) -> None:
    done = hamlet.apply()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 provisioning step(s) done, 0 configuration change(s) made." in done.stderr


def test_running_every_role_again_changes_nothing(hamlet: LabTown) -> None:
    done = hamlet.apply("--all")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 configuration change(s) made." in done.stderr, done.stderr


def test_verification_writes_nothing_on_a_machine(hamlet: LabTown) -> None:
    # Logs grow because somebody logged in; everything else must stay as it was, to the last inode.
    listing = (
        (
            "find / -xdev ( -path /proc -o -path /run -o -path /tmp -o -path /var/log -o -path /var/tmp"
            " -o -path /var/lib/chrony -o -path /var/lib/systemd -o -path /var/spool/rsyslog ) -prune"
            " -o -printf '%p %s %T@ %m %u\\n' | sort"
        )
        .replace("( ", "\\( ")
        .replace(" )", " \\)")
    )
    before = hamlet.exec("log", listing)
    hamlet.verdicts()
    after = hamlet.exec("log", listing)
    assert len(before.splitlines()) > 1000
    assert set(after.splitlines()) ^ set(before.splitlines()) == set()


def test_breaks_made_by_hand_are_named_exactly_and_apply_mends_them(hamlet: LabTown) -> None:
    # The umask is said: a connection that is kept from before the roles ran has the old one.
    hamlet.exec(
        "log", "umask 077; printf 'PermitRootLogin yes\\n' > /etc/ssh/sshd_config.d/00-aaa.conf; systemctl reload ssh"
    )
    hamlet.exec("log", "systemctl disable --now beffroi-purge-records.timer")
    hamlet.exec("log", "chmod 0777 /srv/records")
    assert hamlet.not_passing() == {
        ("log", "ssh/root-login-refused"): "fail",
        ("log", "data/purge-timers-run"): "fail",
        ("log", "data/stores-closed-to-others"): "fail",
        ("log", "files/open-folders-sticky"): "fail",
    }
    mended = hamlet.apply()
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert hamlet.not_passing() == {}


def test_an_apply_of_what_drifted_skips_what_passes_since_each_check_covers_its_role(hamlet: LabTown) -> None:
    hamlet.exec("log", "chmod 0777 /srv/records; sed -i /^OnCalendar/s/=.*/=yearly/ /etc/systemd/system/*purge*.timer")
    hamlet.exec("log", "systemctl daemon-reload; sed -i 's/rotate .*/rotate 2/' /etc/logrotate.d/beffroi-remote")
    hamlet.exec("core", "sed -i /^allow/d /etc/chrony/chrony.conf")
    mended = hamlet.apply("--drifted")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    [covered, asked] = re.findall(r"^(\d+) of (\d+) roles that pass", mended.stderr, re.MULTILINE)[0]
    assert covered == asked, mended.stderr
    ran = set(re.findall(r"^  (\w+): (\w+): changed", mended.stderr, re.MULTILINE))
    assert ran == {("log", "file_mode"), ("log", "systemd_timer"), ("log", "log_forwarding"), ("core", "time_sync")}


def test_a_machine_that_is_down_is_an_error_and_the_others_are_judged(hamlet: LabTown) -> None:
    assert hamlet.beffroi("lab", "stop", "mirror").returncode == 0
    code, verdicts = hamlet.verdicts()
    by_host = {host: {v["outcome"] for (name, _), v in verdicts.items() if name == host} for host, _ in verdicts}
    assert code == 2
    assert by_host["mirror"] == {"error"}
    assert by_host["log"] == {"pass", "notapplicable"}
    assert hamlet.beffroi("lab", "status").returncode == 1
    mended = hamlet.apply()
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert hamlet.not_passing() == {}


def test_an_address_altered_by_hand_is_seen_in_the_plan_and_mended(hamlet: LabTown) -> None:
    in_station(hamlet, "mirror", "ip", "addr", "add", "10.99.10.77/24", "dev", "admin")
    plan = json.loads(hamlet.beffroi("plan", "--json").stdout)
    assert [(step["operation"], step["name"], step["changes"]) for step in plan["steps"]] == [
        ("update", "mirror", ["links"])
    ]
    assert hamlet.apply().returncode == 0
    assert "10.99.10.77" not in in_station(hamlet, "mirror", "ip", "addr").stdout


def test_logs_are_rotated_and_what_is_said_next_is_in_the_new_file(hamlet: LabTown) -> None:
    # Rotation signals a unit's processes: a machine that shared its control groups with others could not.
    for host in ("core", "log"):
        hamlet.exec(host, "logrotate -f /etc/logrotate.conf; logger -p user.notice said-after-rotation; sleep 1")
        assert hamlet.exec(host, "grep -c said-after-rotation /var/log/user.log").strip() == "1"


def test_a_fleet_reaches_what_is_declared_and_no_store(hamlet: LabTown) -> None:
    assert in_station(hamlet, "sensors-on-poles", "nc", "-z", "-w", "2", "10.99.20.13", "22").returncode != 0
    assert in_station(hamlet, "sensors-on-poles", "nc", "-z", "-w", "2", "2001:db8:99:14::13", "6514").returncode != 0
    assert in_station(hamlet, "admin-workstations", "nc", "-z", "-w", "2", "10.99.10.10", "22").returncode == 0
    assert in_station(hamlet, "admin-workstations", "nc", "-z", "-w", "2", "10.99.20.13", "22").returncode != 0


def test_an_impostor_with_another_host_key_is_refused(hamlet: LabTown) -> None:
    hamlet.exec(
        "mirror",
        "cp -a /etc/ssh/ssh_host_ed25519_key /root/kept; rm /etc/ssh/ssh_host_ed25519_key*;"
        "ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key; systemctl restart ssh",
    )
    subprocess.run(
        ["ssh", "-F", str(hamlet.state / hamlet.stack / "ssh/ssh_config"), "-O", "exit", "mirror"], check=False
    )
    _, verdicts = hamlet.verdicts()
    try:
        assert {v["outcome"] for (host, _), v in verdicts.items() if host == "mirror"} == {"error"}
        assert any("host key" in v["reason"].lower() for (host, _), v in verdicts.items() if host == "mirror")
    finally:
        root = Path(f"/var/lib/beffroi/labs/{hamlet.stack}/machines/mirror/root")
        (root / "root/kept").replace(root / "etc/ssh/ssh_host_ed25519_key")
        hamlet.beffroi("lab", "stop", "mirror")
        hamlet.apply()
    assert hamlet.not_passing() == {}


def test_no_secret_is_in_clear_in_the_state_the_logs_or_the_report(hamlet: LabTown, tmp_path: Path) -> None:
    passphrase = (hamlet.state / hamlet.stack / "passphrase").read_text()
    exported = pulumi(hamlet, "config", "get", "beffroi:consolePassword")
    canary = exported.stdout.strip()
    assert len(canary) > 20
    hamlet.beffroi("verify", "--html", str(tmp_path / "r.html"), "--junit", str(tmp_path / "r.xml"))
    (tmp_path / "export.json").write_text(pulumi(hamlet, "stack", "export").stdout)
    (tmp_path / "plan.json").write_text(hamlet.beffroi("plan", "--json").stdout)
    assert "beffroi:lab:Machine" in (tmp_path / "export.json").read_text()
    lab = Path(f"/var/lib/beffroi/labs/{hamlet.stack}/machines")
    written = [*tmp_path.rglob("*"), *hamlet.state.rglob("*"), *lab.glob("*/*.json"), *lab.glob("*/*.log")]
    clear = [str(path) for path in written if path.is_file() and canary.encode() in path.read_bytes()]
    clear += [
        str(path)
        for path in written
        if path.is_file() and path.name != "passphrase" and passphrase.encode() in path.read_bytes()
    ]
    assert clear == []


def pulumi(town: LabTown, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the plain Pulumi CLI on the town's stack, as somebody who prefers it would."""
    state = town.state / town.stack
    environment = {
        **town.environment,
        "PULUMI_BACKEND_URL": (state / "pulumi").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(state / "passphrase"),
        "PULUMI_HOME": str(state / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "BEFFROI_TOWN": str(town.folder),
    }
    language_host = REPOSITORY / "tests/pulumi/language_host.py"
    tools = state / "language"
    tools.mkdir(exist_ok=True)
    script = tools / "pulumi-language-python"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{language_host}" "$@"\n')
    script.chmod(0o755)
    environment["PATH"] = f"{tools}:{environment['PATH']}"
    argv = [str(find_pulumi()), *words, "--stack", town.stack]
    return subprocess.run(
        argv, env=environment, cwd=cwd or state / "work", capture_output=True, text=True, timeout=120, check=False
    )


def test_a_plain_pulumi_preview_sees_the_same_town(hamlet: LabTown) -> None:
    settings = hamlet.state / hamlet.stack / "work" / f"Pulumi.{hamlet.stack}.yaml"
    shown = pulumi(hamlet, "preview", "--config-file", str(settings), cwd=REPOSITORY / "stacks/city")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert re.search(r"\d+ unchanged", shown.stdout), shown.stdout
    assert not re.search(r"to (create|update|delete|replace)", shown.stdout), shown.stdout


def test_pytest_gives_each_control_as_an_item_and_runs_the_towns_own_tests(hamlet: LabTown) -> None:
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--city", str(hamlet.folder)]
    argv += ["--city-stack", hamlet.stack, "-k", "log", "-rA", "--override-ini", "addopts="]
    environment = {key: value for key, value in hamlet.environment.items() if key != "CI"}
    done = subprocess.run(
        argv, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "log::ssh/root-login-refused" in done.stdout
    assert "test_ssh_answers_where_it_is_declared[beffroi://log" in done.stdout


def test_two_commands_at_once_do_not_both_work_on_a_town(hamlet: LabTown) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BEFFROI_STATE", str(hamlet.state))
        with StackState(hamlet.stack).alone():
            refused = hamlet.apply()
    assert refused.returncode == 2
    assert "another run" in refused.stderr
