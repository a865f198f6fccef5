"""The auditors' way in, attacked: whatever is asked of it, it gives one fixed answer or none, and changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from towns import REPOSITORY, LabTown

from beffroi import declaration, kinds, probe
from beffroi.auditing import write_config
from beffroi.errors import CouldNotLook
from beffroi.kinds import audit_access
from beffroi.observe.snapshot import read

pytestmark = pytest.mark.lab

CONTROL = "accounts/auditors-only-read"
CLOCK = "time/in-sync-with-the-town"
PROBE = "/usr/lib/beffroi/audit-probe"
UNIT = "/etc/systemd/system/beffroi-audit@.service"
WAITED_FOR = 60


@dataclass(frozen=True)
class Auditor:
    """Somebody who holds an auditor's key, and nothing else, in a town that let them in."""

    town: LabTown
    root: Path
    key: Path
    config: Path

    def ssh(
        self, *words: str, options: tuple[str, ...] = (), stdin: bytes = b"", environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        argv = ["ssh", "-F", str(self.config), *options, *words]
        return subprocess.run(
            argv,
            input=stdin,
            capture_output=True,
            timeout=WAITED_FOR,
            check=False,
            env={**os.environ, **(environment or {})},
        )

    def verdicts(self, *options: str) -> dict[tuple[str, str], dict[str, Any]]:
        done = self.town.beffroi("verify", "--json", "--root", str(self.root), *options)
        assert done.stdout, done.stderr
        return {(it["host"], it["control"]): it for it in json.loads(done.stdout)["verdicts"]}

    def read_only_verdicts(self) -> dict[tuple[str, str], dict[str, Any]]:
        return self.verdicts("--read-only", "--identity", str(self.key))

    def mend(self) -> None:
        done = self.town.apply("--root", str(self.root))
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    def is_whole(self, answer: bytes, host: str = "log") -> bool:
        """Tell whether bytes are the one answer that the probe of `host` gives."""
        settings = declaration.load(self.town.folder, root=self.root).desired.settings(host)
        typed = {kind: [kinds.load(kind).Setting.model_validate(it) for it in of] for kind, of in settings.items()}
        try:
            return bool(read(answer, probe.commands(typed), audit_access.pinned(settings["audit_access"][0])))
        except CouldNotLook:
            return False


@pytest.fixture(scope="module")
def auditor(hamlet: LabTown, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Auditor]:
    root = tmp_path_factory.mktemp("content")
    key = root / "auditor"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "auditor", "-f", str(key)], check=True)
    for folder in ("roles", "policies", "compliance"):
        shutil.copytree(REPOSITORY / folder, root / folder)
    profile = root / "compliance/profiles/town.yml"
    chosen = yaml.safe_load(profile.read_text())
    chosen["params"] = {CONTROL: {"keys": [key.with_suffix(".pub").read_text().strip()]}}
    profile.write_text(yaml.safe_dump(chosen))
    config = write_config(hamlet.state / hamlet.stack / "ssh" / "ssh_config", key)
    auditor = Auditor(hamlet, root, key, config)
    auditor.mend()
    yield auditor
    done = hamlet.apply()  # as it was before, for the tests that come after
    assert done.returncode == 0, done.stderr


def test_an_auditor_gets_the_verdicts_that_root_gets(auditor: Auditor) -> None:
    by_root, by_auditor = auditor.verdicts(), auditor.read_only_verdicts()
    # PostgreSQL lets postgres alone read its own accounts and count its rows; an auditor hears so, and no verdict.
    beyond = {key for key, it in by_root.items() if it["kind"] in {"database", "database_server"}}
    assert {by_auditor.pop(key)["outcome"] for key in beyond} == {"error"}
    assert {by_root.pop(key)["outcome"] for key in beyond} == {"pass"}
    assert {key: it["outcome"] for key, it in by_auditor.items()} == {key: it["outcome"] for key, it in by_root.items()}
    # Findings too, but that a clock is never twice as far off, and that time passes since a machine was heard.
    differing = {key for key, it in by_auditor.items() if it["findings"] != by_root[key]["findings"]}
    assert {control for _, control in differing} <= {CLOCK, "logs/received-by-the-collector", "logs/canary-heard"}
    assert {it["outcome"] for it in by_auditor.values()} == {"pass", "notapplicable"}, "and the town is as declared"


def test_what_an_auditor_saw_is_kept_and_judged_again_offline(auditor: Auditor) -> None:
    seen, again = auditor.read_only_verdicts(), auditor.verdicts("--from-captures", "latest")
    assert {key: it["outcome"] for key, it in again.items()} == {key: it["outcome"] for key, it in seen.items()}


@pytest.mark.parametrize(
    "words",
    [
        ("id",),
        ("cat", "/etc/shadow"),
        ("/bin/sh", "-c", "'exec /bin/sh'"),
        ("internal-sftp",),
        ("$(reboot)",),
        ("-x", "/usr/lib/beffroi/audit-door;id"),
        ("A" * 100_000,),
    ],
    ids=["a command", "a secret", "a shell", "sftp", "an expansion", "an option", "a huge command"],
)
def test_whatever_is_asked_the_answer_is_the_same(auditor: Auditor, words: tuple[str, ...]) -> None:
    done = auditor.ssh("log", "--", *words)
    assert auditor.is_whole(done.stdout), done.stdout[:300] + done.stderr


def test_no_terminal_is_given(auditor: Auditor) -> None:
    done = auditor.ssh("log", options=("-tt",))
    assert b"PTY allocation request failed" in done.stderr
    assert auditor.is_whole(done.stdout)


def test_files_are_neither_fetched_nor_sent(auditor: Auditor, tmp_path: Path) -> None:
    (tmp_path / "sent").write_text("x")
    for words in (["scp", "-O"], ["scp", "-s"]):
        for ends in (["log:/etc/hostname", str(tmp_path / "got")], [str(tmp_path / "sent"), "log:/tmp/sent"]):
            done = subprocess.run(
                [*words, "-F", str(auditor.config), *ends], capture_output=True, timeout=WAITED_FOR, check=False
            )
            assert done.returncode != 0, words
    assert not (tmp_path / "got").exists()
    assert auditor.town.exec("log", "ls /tmp/sent 2>/dev/null || echo none") == "none\n"


def test_the_environment_is_not_the_callers(auditor: Auditor) -> None:
    tricks = {
        "LD_PRELOAD": "/srv/evil.so",
        "PATH": f"/srv:{os.environ['PATH']}",
        "ENV": "/srv/evil.sh",
        "BASH_ENV": "/srv/evil.sh",
        "PERL5OPT": "-MEvil",
        "PERL5LIB": "/srv",
        "LC_ALL": "../../srv/evil",
        "IFS": "/",
    }
    sent = ("-o", "SetEnv=" + " ".join(f'{name}="{value}"' for name, value in tricks.items()))
    more = ("-o", f"SendEnv={' '.join(tricks)}")
    done = auditor.ssh("log", options=(*sent, *more))
    assert auditor.is_whole(done.stdout), done.stdout[:300] + done.stderr


def test_a_flood_of_input_is_not_read(auditor: Auditor) -> None:
    done = auditor.ssh("log", stdin=b"\0\xff;id\n" * 8_000_000)
    assert auditor.is_whole(done.stdout)


def test_many_sessions_at_once_are_each_answered_whole_or_turned_away(auditor: Auditor) -> None:
    assert auditor.is_whole(auditor.ssh("log").stdout)
    with ThreadPoolExecutor(max_workers=24) as pool:
        done = list(pool.map(lambda _: auditor.ssh("log"), range(24)))
    answered = [it for it in done if it.stdout]
    assert len(answered) >= 4
    assert all(auditor.is_whole(it.stdout) for it in answered)
    assert auditor.is_whole(auditor.ssh("log").stdout)


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("log", "127.0.0.1:22"),
        ("log", "10.99.10.11:80"),
        ("bastion", "10.99.20.13:6514"),
        ("bastion", "127.0.0.1:22"),
        ("bastion", "10.99.10.11:80"),
    ],
)
def test_nothing_is_forwarded_but_ssh_from_the_bastion_to_the_towns_machines(
    auditor: Auditor, host: str, target: str
) -> None:
    done = auditor.ssh(host, options=("-o", "ControlPath=none", "-o", "LogLevel=INFO", "-W", target))
    assert done.returncode != 0
    assert b"prohibited" in done.stderr, done.stderr


def test_no_port_is_opened_on_a_machine_for_the_auditor(auditor: Auditor) -> None:
    options = ("-o", "ControlPath=none", "-o", "ExitOnForwardFailure=yes", "-R", "4444:127.0.0.1:22")
    for host in ("log", "bastion"):
        done = auditor.ssh(host, options=options)
        assert done.returncode != 0, host
        assert b"remote port forwarding failed" in done.stderr


def test_another_key_opens_nothing(auditor: Auditor, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    options = ("-o", "ControlPath=none", "-o", f"IdentityFile={tmp_path / 'key'}")
    config = auditor.town.state / auditor.town.stack / "ssh" / "ssh_config"
    done = subprocess.run(
        ["ssh", "-F", str(config), "-l", "audit", *options, "log"], capture_output=True, timeout=WAITED_FOR, check=False
    )
    assert done.returncode == 255
    assert b"Permission denied (publickey)" in done.stderr


def test_a_probe_that_was_replaced_is_not_run_and_is_noticed(auditor: Auditor) -> None:
    auditor.town.exec("log", f"sed -i '2i id > /run/beffroi-was-here' {PROBE}")
    try:
        assert auditor.ssh("log").stdout.startswith(b"beffroi-audit-refused ")
        assert auditor.town.exec("log", "ls /run/beffroi-was-here 2>/dev/null || echo none") == "none\n"
        assert auditor.verdicts()["log", CONTROL]["outcome"] == "fail"
        seen = {it["outcome"] for (host, _), it in auditor.read_only_verdicts().items() if host == "log"}
        assert seen == {"error"}
    finally:
        auditor.town.exec("log", f"sed -i 2d {PROBE}")
    assert auditor.is_whole(auditor.ssh("log").stdout)


def test_a_link_in_the_probes_place_is_not_run_and_is_noticed(auditor: Auditor) -> None:
    auditor.town.exec("log", f"mv {PROBE} /var/tmp/probe && ln -s /var/tmp/probe {PROBE}")
    try:
        assert auditor.ssh("log").stdout.startswith(b"beffroi-audit-refused ")
        assert auditor.verdicts()["log", CONTROL]["outcome"] == "fail"
    finally:
        auditor.town.exec("log", f"mv /var/tmp/probe {PROBE}")
    assert auditor.is_whole(auditor.ssh("log").stdout)


def test_a_probe_that_was_replaced_with_its_pin_is_noticed_by_both(auditor: Auditor) -> None:
    auditor.town.exec(
        "log",
        f"cp -a {PROBE} {UNIT} /var/tmp;"
        f"old=$(sha256sum < {PROBE}); sed -i '2i true' {PROBE}; new=$(sha256sum < {PROBE});"
        f'sed -i "s/${{old%% *}}/${{new%% *}}/" {UNIT}; systemctl daemon-reload',
    )
    try:
        assert auditor.ssh("log").stdout.startswith(b"beffroi-audit-1 ")
        assert auditor.verdicts()["log", CONTROL]["outcome"] == "fail"
        reasons = {it["reason"] for (host, _), it in auditor.read_only_verdicts().items() if host == "log"}
        assert all("another probe" in reason for reason in reasons)
    finally:
        back = f"cd /var/tmp; mv {Path(PROBE).name} {PROBE}; mv {Path(UNIT).name} {UNIT}; systemctl daemon-reload"
        auditor.town.exec("log", back)


def test_the_probes_own_rights_write_nothing_and_become_nobody_else(auditor: Auditor) -> None:
    # The real unit, in its real sandbox, made to try what the probe never does.
    attempts = (
        "for place in / /etc /tmp /var/tmp /dev/shm /run /root /home /var/lib/beffroi-audit /srv /usr/lib/beffroi; do "
        "( : > $place/beffroi-was-here ) 2>/dev/null && echo wrote $place; done; "
        "( echo x >> /etc/shadow ) 2>/dev/null && echo wrote shadow; "
        "( echo 1 > /proc/sys/net/ipv4/ip_forward ) 2>/dev/null && echo wrote sysctl; "
        "ln -s /etc/shadow /tmp/beffroi-link 2>/dev/null && echo linked; "
        "sudo -n id 2>/dev/null && echo sudo; su -c id root </dev/null 2>/dev/null && echo su; "
        "kill -0 1 2>/dev/null && echo signalled; mount -t tmpfs none /tmp 2>/dev/null && echo mounted; "
        "grep -c ^root: /etc/shadow; id -un; echo ended"
    )
    drop_in = "/run/systemd/system/beffroi-audit@.service.d"
    script = attempts.replace("$", "$$")
    auditor.town.exec(
        "log",
        f"mkdir -p {drop_in}; cat > {drop_in}/try.conf << 'END'\n"
        f"[Service]\nExecStart=\nExecStart=/bin/sh -c '{script}'\nEND\nsystemctl daemon-reload",
    )
    try:
        done = auditor.ssh("log")
        assert done.stdout.decode() == "1\naudit\nended\n", "it reads everything, as itself, and does nothing else"
    finally:
        auditor.town.exec("log", f"rm -r {drop_in}; systemctl daemon-reload")
    assert auditor.is_whole(auditor.ssh("log").stdout)


def test_the_account_may_not_use_sudo_and_has_neither_shell_nor_password(auditor: Auditor) -> None:
    said = auditor.town.exec("log", "sudo -l -U audit; getent passwd audit; passwd -S audit; cat /etc/shells")
    assert "not allowed to run sudo" in said
    assert ":/usr/lib/beffroi/audit-door\n" in said
    assert "audit L " in said
    assert said.count("audit-door") == 1
