"""Copies on real machines: what was put in a store comes back, and the way that copies take leads nowhere else."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

import pytest
from towns import LabTown

pytestmark = pytest.mark.lab

KEEPER, SOURCE, REPOSITORY = "vault", "log", "/srv/records-copies/records"
CALL = (
    "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=/etc/beffroi/backup/known_hosts "
    "-o IdentitiesOnly=yes -i /etc/beffroi/backup/records.ssh"
)
ACCOUNT = "beffroi-copy@10.99.20.13"
BORG = (
    "export BORG_BASE_DIR=/root/restored BORG_PASSCOMMAND='cat /etc/beffroi/backup/records.key' "
    "BORG_RELOCATED_REPO_ACCESS_IS_OK=yes; "
)


@pytest.fixture(scope="module")
def letter(hamlet: LabTown) -> Iterator[str]:
    """A file that was in the store when the last copy was made, and is there no more; its text."""
    text = secrets.token_hex(16)
    hamlet.exec(SOURCE, f"echo {text} > /srv/records/letter; chown svc-records /srv/records/letter")
    hamlet.exec(KEEPER, "systemctl start beffroi-backup-records.service beffroi-restore-records.service")
    hamlet.exec(SOURCE, "rm /srv/records/letter")
    yield text
    hamlet.exec(KEEPER, "rm -rf /root/restored /root/work")


def _refused(hamlet: LabTown, words: str) -> str:
    """Return what a call by the keeper's key says, whatever it is asked for; its input is a command for a shell."""
    return hamlet.exec(
        KEEPER, f"echo 'echo intruder > /tmp/intruder' | timeout 60 {words} 2>&1 | head -c 3000000; true"
    )


def test_a_file_that_was_lost_is_found_again(hamlet: LabTown, letter: str) -> None:
    newest = f"{REPOSITORY}::$(borg list --last 1 --short {REPOSITORY})"
    script = f"mkdir -p /root/work; cd /root/work; borg extract --stdout {newest} | tar -xf - ./letter; cat letter"
    found = hamlet.exec(KEEPER, f"{BORG} {script}; chown -R svc-backup: {REPOSITORY}")
    assert letter in found


def test_the_daily_restoration_is_what_the_source_sent(hamlet: LabTown, letter: str) -> None:
    assert letter
    record = json.loads(hamlet.exec(KEEPER, "tail -n 1 /var/lib/beffroi/backup/records.restore"))
    assert record["equal"]


def test_records_and_journal_name_no_file_of_the_store(hamlet: LabTown, letter: str) -> None:
    assert letter
    told = hamlet.exec(KEEPER, "cat /var/lib/beffroi/backup/*; journalctl -u 'beffroi-backup-*' -u 'beffroi-restore-*'")
    told += hamlet.exec(SOURCE, "journalctl -u 'beffroi-copy-*'")
    assert "letter" not in told


@pytest.mark.parametrize(
    "asked",
    [
        f"{CALL} {ACCOUNT} 'echo intruder > /tmp/intruder'",
        f"{CALL} {ACCOUNT} sh",
        f"{CALL} {ACCOUNT} '/usr/lib/beffroi/copy-door ../../etc/shadow'",
        f"{CALL} -s {ACCOUNT} sftp",
    ],
)
def test_whatever_the_key_is_used_for_it_gives_the_stream(hamlet: LabTown, asked: str) -> None:
    assert "beffroi-copy 1 " in _refused(hamlet, asked)
    assert hamlet.exec(SOURCE, "ls /tmp /root").count("intruder") == 0


def test_the_key_opens_no_terminal(hamlet: LabTown) -> None:
    assert "PTY allocation request failed" in _refused(hamlet, f"{CALL} -tt {ACCOUNT}")


@pytest.mark.parametrize(
    ("forwarding", "said"),
    [("-W 10.99.20.13:22", "administratively prohibited"), ("-N -R 2222:127.0.0.1:22", "port forwarding failed")],
)
def test_the_key_opens_no_tunnel(hamlet: LabTown, forwarding: str, said: str) -> None:
    words = (
        f"timeout 20 {CALL} -o ExitOnForwardFailure=yes {forwarding} {ACCOUNT} < /dev/null 2>&1 | head -c 2000; true"
    )
    assert said in hamlet.exec(KEEPER, words)


def test_what_enters_a_tunnel_at_the_keeper_comes_out_nowhere(hamlet: LabTown) -> None:
    connect = "import socket; print(socket.create_connection(('127.0.0.1', 2222), 5).recv(9))"
    script = (
        f"timeout 20 {CALL} -N -L 2222:10.99.20.13:22 {ACCOUNT} < /dev/null > /tmp/way 2>&1 & "
        f'for _ in 1 2 3 4 5 6 7 8; do sleep 1; python3 -c "{connect}" 2>/dev/null && break; done; kill $!; '
        "cat /tmp/way; rm /tmp/way"
    )
    said = hamlet.exec(KEEPER, script)
    assert "b''" in said
    assert "administratively prohibited" in said


def test_a_key_opens_nothing_from_another_address(hamlet: LabTown) -> None:
    keys = "/var/lib/beffroi-copy/.ssh/authorized_keys"
    public = hamlet.exec("bastion", "ssh-keygen -q -t ed25519 -N '' -C '' -f /root/other; cat /root/other.pub").strip()
    hamlet.exec(SOURCE, f"cp -a {keys} /root/keys")
    rewrite = f"awk -v key='{public}' '/^restrict/ {{ sub(/ssh-ed25519.*/, key) }} {{ print }}' /root/keys > {keys}"
    hamlet.exec(SOURCE, rewrite)
    call = f"ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -i /root/other {ACCOUNT} 2>&1 | head -c 2000"
    try:
        said = hamlet.exec("bastion", f"{call} || true")
    finally:
        hamlet.exec(SOURCE, f"cp -a /root/keys {keys}; rm /root/keys")
        hamlet.exec("bastion", "rm /root/other /root/other.pub")
    assert "Permission denied" in said


def test_a_machine_that_holds_data_holds_no_way_to_its_copies(hamlet: LabTown) -> None:
    call = f"timeout 20 {CALL.replace('/etc/beffroi/backup/records.ssh', '/etc/ssh/ssh_host_ed25519_key')}"
    found = hamlet.exec(
        SOURCE, "ls /etc/beffroi/backup 2>&1 || true; grep -rl 'PRIVATE KEY' /root /home /etc/beffroi || true"
    )
    assert "PRIVATE" not in found
    assert ".ssh" not in found
    said = hamlet.exec(
        SOURCE, f"{call} -o StrictHostKeyChecking=no svc-backup@10.99.90.10 rm -r {REPOSITORY} 2>&1 || true"
    )
    assert "denied" in said or "timed out" in said or "refused" in said or "prohibited" in said or not said.strip()
    assert hamlet.exec(KEEPER, f"ls {REPOSITORY}/config").strip() == f"{REPOSITORY}/config"
