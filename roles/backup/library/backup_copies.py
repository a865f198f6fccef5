"""Ansible module, on the machine that keeps copies: its secrets, whom it knows, and copies that are in order."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pwd
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.placed_files import own, place_file, rights
from ansible.module_utils.programs import run
from ansible.module_utils.systemd_units import UNITS, systemctl

SECRETS = Path("/etc/beffroi/backup")
KNOWN = SECRETS / "known_hosts"
RECORDS = Path("/var/lib/beffroi/backup")
STATE = Path("/var/lib/beffroi-backup")
LOCK = Path("/run/beffroi-backup.lock")
APPEND_ONLY = re.compile(r"^append_only = (\d)$", re.MULTILINE)
HOUR = 3600
SET_ASIDE_DAYS = 7


@contextmanager
def alone() -> Iterator[None]:
    """Keep other runs of this module waiting: a keeper and its sources are configured at the same time."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def held(path: Path, mode: int) -> bool:
    """Tell whether a path is root's, and of that mode; change that where it is not."""
    if rights(path) == (mode, 0, 0):
        return True
    own(path, mode)
    return False


def make_secrets(stores: list[str]) -> list[str]:
    """Make what is missing: a passphrase and an SSH key a store; return what changed."""
    for folder in (SECRETS, RECORDS, STATE):
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    changes = [str(path) for path, mode in ((SECRETS, 0o700), (RECORDS, 0o755), (STATE, 0o755)) if not held(path, mode)]
    for store in stores:
        passphrase, key = SECRETS / f"{store}.key", SECRETS / f"{store}.ssh"
        if not passphrase.exists():
            place_file(passphrase, secrets.token_urlsafe(48) + "\n", 0o600)
            changes.append(str(passphrase))
        if not key.exists() or not key.with_suffix(".ssh.pub").exists():
            key.unlink(missing_ok=True)
            key.with_suffix(".ssh.pub").unlink(missing_ok=True)
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key))
            changes.append(str(key))
        for record in (RECORDS / f"{store}.backup", RECORDS / f"{store}.restore"):
            if not record.exists():
                record.touch()
                changes.append(str(record))
            changes += [] if held(record, 0o644) else [str(record)]
        changes += [str(path) for path in (passphrase, key) if not held(path, 0o600)]
    KNOWN.touch()
    return changes


def meet(copies: list[dict[str, Any]], met: dict[str, str]) -> list[str]:
    """Note the sources' host keys, as they themselves told them to whoever configures both; return what changed."""
    known = dict(line.split(" ", 1) for line in KNOWN.read_text().splitlines() if " " in line)
    told = {copy["address"]: met[copy["source"]] for copy in copies if copy["source"] in met}
    if all(known.get(address) == key for address, key in told.items()):
        return []
    place_file(KNOWN, "".join(f"{address} {key}\n" for address, key in sorted({**known, **told}.items())), 0o644)
    return [str(KNOWN)]


def in_order(copy: dict[str, Any], recent_hours: int) -> bool:
    """Tell whether the store was copied and restored lately, and nothing touched its repository since."""
    backup, restore = last(copy, "backup"), last(copy, "restore")
    good = backup.get("fetched") and backup.get("pruned") and backup.get("elsewhere") and restore.get("equal")
    now, soon = time.time(), recent_hours * HOUR
    fresh = all(
        0 <= now - when <= soon for when in (backup.get("at", 0), restore.get("at", 0), restore.get("newest", 0))
    )
    young = now - restore.get("oldest", 0) <= copy["retention_hours"] * HOUR
    same = backup.get("segments") == segments(Path(copy["repository"]))
    ended = all(service_ended(copy["store"], act) for act in ("backup", "restore"))
    return bool(good and fresh and young and same and ended and backup.get("checked") == "good")


def last(copy: dict[str, Any], act: str) -> dict[str, Any]:
    """Return the last line of a record; {} where there is none."""
    lines = (RECORDS / f"{copy['store']}.{act}").read_text().splitlines()
    try:
        record = json.loads(lines[-1]) if lines else {}
    except ValueError:
        record = {}
    return record if isinstance(record, dict) else {}


def service_ended(store: str, act: str) -> bool:
    """Tell whether a service's last run went well."""
    shown = run("systemctl", "show", "-p", "Result,ExecMainExitTimestamp", f"beffroi-{act}-{store}.service")
    return "Result=success\n" in shown and "ExecMainExitTimestamp=\n" not in shown


def segments(repository: Path) -> str:
    """Return the digest of the segments' names and sizes, as the daily run notes it."""
    folder = repository / "data"
    paths = [Path(place, name) for place, _, names in os.walk(folder) for name in names]
    lines = sorted(f"{path.relative_to(folder)} {path.lstat().st_size}\n" for path in paths)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def repository_changes(copy: dict[str, Any]) -> list[str]:
    """Make the repository where there is none, and append-only where it is not; return what changed."""
    repository = Path(copy["repository"])
    if not (repository / "config").exists():
        make_repository(copy)
        return [str(repository)]
    if APPEND_ONLY.findall((repository / "config").read_text()) == ["1"]:
        return []
    as_keeper(copy, "config", str(repository), "append_only", "1")
    return [f"{repository}: append-only"]


def make_repository(copy: dict[str, Any]) -> None:
    """Make an empty repository that is encrypted and append-only."""
    as_keeper(copy, "init", "--encryption", "repokey-blake2", "--append-only", copy["repository"])


def as_keeper(copy: dict[str, Any], *words: str) -> None:
    """Run borg as the account that owns the copies; the passphrase comes by a descriptor of root's."""
    owner = pwd.getpwnam(copy["kept_by"][0])
    state = STATE / copy["store"]
    state.mkdir(mode=0o700, exist_ok=True)
    os.chown(state, owner.pw_uid, owner.pw_gid)
    with (SECRETS / f"{copy['store']}.key").open("rb") as passphrase:
        number = passphrase.fileno()
        environment = {"BORG_BASE_DIR": str(state), "BORG_PASSPHRASE_FD": str(number), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            ["/usr/bin/borg", *words],
            env={"PATH": os.defpath, **environment},
            user=owner.pw_uid,
            group=owner.pw_gid,
            extra_groups=[],
            pass_fds=(number,),
            umask=0o077,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        said = f"borg {words[0]}: {done.stderr.strip()[-500:]}"
        raise ValueError(said)


def set_aside(copy: dict[str, Any]) -> None:
    """Put a damaged repository where a person may still read it, for a week at most, and begin a new one.

    `borg check --repair` would put zeros in place of what is lost, in archives that look whole. The store itself is
    there: a new copy of it is worth more, today. Until when the old one may stay, its oldest archive's retention says.
    """
    repository, now = Path(copy["repository"]), int(time.time())
    oldest = last(copy, "restore").get("oldest") or now
    until = max(now, min(now + SET_ASIDE_DAYS * 24 * HOUR, oldest + copy["retention_hours"] * HOUR))
    repository.rename(repository.with_name(f".{repository.name}.damaged-until-{until}"))
    shutil.rmtree(STATE / copy["store"], ignore_errors=True)
    make_repository(copy)


def put_in_order(copy: dict[str, Any]) -> None:
    """Copy the store, then restore it; begin anew where the repository is damaged; raise ValueError when it fails."""
    store = copy["store"]
    done = systemctl("start", f"beffroi-backup-{store}.service")
    if done.returncode and last(copy, "backup").get("checked") == "damaged":
        set_aside(copy)
        done = systemctl("start", f"beffroi-backup-{store}.service")
    if done.returncode:
        told = {name: last(copy, "backup").get(name) for name in ("fetched", "pruned", "checked")}
        said = f"{store} could not be copied from {copy['source']}: {told}"
        raise ValueError(said)
    run("systemctl", "start", f"beffroi-restore-{store}.service")


def changes_made(copies: list[dict[str, Any]], met: dict[str, str], recent_hours: int) -> list[str]:
    """Have every copy in order whose source is known and whose units are there; return what changed."""
    make_secrets([copy["store"] for copy in copies])
    changes = meet(copies, met)
    known = {line.split(" ")[0] for line in KNOWN.read_text().splitlines()}
    for copy in copies:
        if not (UNITS / f"beffroi-backup-{copy['store']}.service").exists():
            continue  # the keeper's own turn has not come: it will find the source known
        changes += repository_changes(copy)
        if copy["address"] in known and not in_order(copy, recent_hours):
            put_in_order(copy)
            changes.append(f"{copy['store']} copied and restored")
    return changes


def main() -> None:
    """Make secrets, and give the public keys; or have the copies be in order."""
    arguments: dict[str, Any] = {
        "act": {"type": "str", "choices": ["keys", "run"], "required": True},
        "copies": {"type": "list", "elements": "dict", "required": True},
        "met": {"type": "dict", "default": {}},
        "recent_hours": {"type": "int", "default": 30},
    }
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=False)
    copies, keys = module.params["copies"], []
    try:
        with alone():
            if module.params["act"] == "keys":
                changes = make_secrets([copy["store"] for copy in copies])
                for copy in copies:
                    public = (SECRETS / f"{copy['store']}.ssh.pub").read_text().split()
                    keys.append({"keeper": copy["keeper"], "store": copy["store"], "public": " ".join(public[:2])})
            else:
                changes = changes_made(copies, module.params["met"], module.params["recent_hours"])
    except (OSError, ValueError, KeyError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(changes), changes=changes, keys=keys)


if __name__ == "__main__":
    main()
