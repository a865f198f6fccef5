"""Configuration by Ansible, through ansible-runner, behind one typed function.

A role a kind, and its variable `<kind>_settings`: the very settings that the checks expect.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

# What a later role needs comes first: packages before their files, files before their modes, the firewall of a gateway
# before it forwards (sysctl), the clock before certificates, these before what reads them, a store's folder before its
# purge.
ROLE_ORDER = (
    "apt_source",
    "package",
    "account",
    "config_file",
    "mount_option",
    "sshd_option",
    "password_policy",
    "sudo_rule",
    "nftables_ruleset",
    "sysctl",
    "time_sync",
    "certificate_authority",
    "certificate",
    "database_server",
    "log_forwarding",
    "log_canary",
    "broker",
    "application",
    "ingestion",
    "web_front",
    "file_mode",
    "database",
    "unit_sandbox",
    "systemd_timer",
    "service",
    "tls_listener",
    "encryption_at_rest",
    "backup",
    "undeclared_personal_data",
    "file_tree",
    "audit_access",
)

AFTER_AUTHORITY = frozenset(
    (
        *("application", "broker", "certificate", "database", "database_server", "ingestion", "log_canary"),
        *("log_forwarding", "tls_listener", "web_front"),
    )
)
"""Kinds that need the town's certificate authority, or a certificate of its: a machine that is configured before the
authority can be (its package mirror) gets them in a later stage."""

Settings = Mapping[str, Mapping[str, list[dict[str, Any]]]]
"""For each host and each kind, the settings that its role is to enforce."""


@dataclass
class HostOutcome:
    """What Ansible did on one host."""

    ok: int = 0
    changed: int = 0
    failures: list[str] = field(default_factory=list)


@dataclass
class Convergence:
    """What Ansible did on every host. A failed host hides no other."""

    hosts: dict[str, HostOutcome] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        """Return the number of actions that changed something."""
        return sum(outcome.changed for outcome in self.hosts.values())

    @property
    def failed(self) -> dict[str, list[str]]:
        """Return, for each host that failed, what failed on it."""
        return {name: outcome.failures for name, outcome in self.hosts.items() if outcome.failures}


@dataclass(frozen=True)
class Action:
    """One Ansible action that ended on one host: `status` is ok, changed, failed, skipped or unreachable."""

    host: str
    role: str
    task: str
    status: str
    message: str = ""


@dataclass(frozen=True)
class Work:
    """What Ansible is to do: which settings on which hosts, in which order, and how to reach them.

    Hosts of one stage go in parallel; a stage waits for the one before it, since traffic crosses gateways that are
    configured first. A host of two stages gets what needs the certificate authority (`AFTER_AUTHORITY`) in the last,
    and all else in the first. `entries` names another entry of some roles than `main` (a sabotage, in tests).
    """

    settings: Settings
    stages: Sequence[Sequence[str]]
    ssh_config: Path
    roles: Path
    entries: Mapping[str, str] = field(default_factory=dict)


def converge(work: Work, tell: Callable[[Action], None]) -> Convergence:
    """Run the roles that the work names, stage by stage; tell of each action; return what was done on each host."""
    done = Convergence(hosts={host: HostOutcome() for host in work.settings})
    for number, stage in enumerate(work.stages):
        settings = {host: _due(work, host, number) for host in stage if host in work.settings}
        hosts = [host for host, due in settings.items() if due]
        if hosts:
            # A run a stage: within one run, Ansible gives up the later plays once all hosts of a play have failed.
            _run(replace(work, settings=settings), hosts, done, tell)
    return done


def _due(work: Work, host: str, number: int) -> Mapping[str, list[dict[str, Any]]]:
    """Return the settings that a host gets in the stage of that number."""
    settings = work.settings[host]
    later, earlier = (
        any(host in stage for stage in side) for side in (work.stages[number + 1 :], work.stages[:number])
    )
    if not later and not earlier:
        return settings
    return {kind: value for kind, value in settings.items() if (kind in AFTER_AUTHORITY) == earlier}


def _run(work: Work, hosts: Sequence[str], done: Convergence, tell: Callable[[Action], None]) -> None:
    import ansible_runner  # noqa: PLC0415 - half a second that verbs without Ansible should not pay

    scratch = Path(tempfile.mkdtemp(prefix="beffroi-ansible-"))
    try:
        runner = ansible_runner.run(
            private_data_dir=str(scratch),
            playbook=[_play(work, hosts)],
            inventory=str(_write_inventory(scratch, {host: work.settings[host] for host in hosts})),
            roles_path=str(work.roles.resolve()),
            envvars=_environment(work, scratch),
            event_handler=lambda event: _note(event, done, tell),
            forks=16,
            quiet=True,
        )
        if runner.status != "successful" and not any(done.hosts[host].failures for host in hosts):
            _blame(done, hosts, Path(runner.config.artifact_dir) / "stdout")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _play(work: Work, hosts: Sequence[str]) -> dict[str, Any]:
    roles = [
        {
            "name": kind,
            "ansible.builtin.import_role": {
                "name": kind,
                "tasks_from": work.entries.get(kind, "main"),
                "rolespec_validate": False,  # the settings are typed already, and each validation is an action
            },
            "when": f"{kind}_settings is defined",
        }
        for kind in _ordered({kind for host in hosts for kind in work.settings[host]})
    ]
    return {
        "name": ", ".join(hosts),
        "hosts": list(hosts),
        "gather_facts": False,
        "strategy": "free",
        "become": True,
        "tasks": roles,
    }


def _ordered(kinds: set[str]) -> list[str]:
    known = [kind for kind in ROLE_ORDER if kind in kinds]
    return known + sorted(kinds - set(known))


def _inventory(settings: Settings) -> dict[str, Any]:
    hosts = {host: {f"{kind}_settings": value for kind, value in of_host.items()} for host, of_host in settings.items()}
    return {"all": {"hosts": hosts, "vars": {"ansible_python_interpreter": "/usr/bin/python3"}}}


def _write_inventory(scratch: Path, settings: Settings) -> Path:
    """Write the inventory as YAML (of which JSON is a part), its texts marked as no templates of Ansible's."""
    path = scratch / "hosts.yml"
    path.write_text(_as_yaml(_inventory(settings)), "utf-8")
    return path


def _as_yaml(value: Any) -> str:  # noqa: ANN401 - plain JSON
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {_as_yaml(it)}" for name, it in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_as_yaml, value)) + "]"
    return f"!unsafe {json.dumps(value)}" if isinstance(value, str) and "{" in value else json.dumps(value)


def _environment(work: Work, scratch: Path) -> dict[str, str]:
    empty = scratch / "ansible.cfg"  # a user's or a folder's own configuration must not change what we do
    empty.touch()
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",  # the Ansible installed with us
        "ANSIBLE_SSH_ARGS": f"-F {work.ssh_config}",
        # A machine that has just booted, or whose sshd restarts, may refuse a connection or two.
        "ANSIBLE_SSH_RETRIES": "4",
        "ANSIBLE_TIMEOUT": "20",
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_HOST_KEY_CHECKING": "true",
        "ANSIBLE_GATHERING": "explicit",
        "ANSIBLE_RETRY_FILES_ENABLED": "false",
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_CONFIG": str(empty),
        "ANSIBLE_MODULE_UTILS": str(work.roles.resolve() / "module_utils"),  # what the roles' modules share
        "ANSIBLE_LOCAL_TEMP": str(scratch / "tmp"),
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
    }


_STATUS = {
    "runner_on_ok": "ok",
    "runner_on_failed": "failed",
    "runner_on_unreachable": "unreachable",
    "runner_on_skipped": "skipped",
}


def _note(event: dict[str, Any], done: Convergence, tell: Callable[[Action], None]) -> bool:
    status = _STATUS.get(event.get("event", ""))
    about = event.get("event_data", {})
    if status is None or about.get("host") not in done.hosts:
        return False
    result = about.get("res") or {}
    if status == "ok" and result.get("changed"):
        status = "changed"
    if status == "failed" and about.get("ignore_errors"):
        status = "ok"
    message = str(result.get("msg") or result.get("stderr") or "")[:2000] if status in {"failed", "unreachable"} else ""
    action = Action(about["host"], about.get("role") or "", about.get("task") or "", status, message)
    outcome = done.hosts[action.host]
    outcome.ok += status in {"ok", "changed"}
    outcome.changed += status == "changed"
    if message or status in {"failed", "unreachable"}:
        outcome.failures.append(f"{action.role}: {action.task}: {message}")
    tell(action)
    return False  # keep no event on disk: a run's record is the verdicts, and events may hold what was written


def _blame(done: Convergence, hosts: Sequence[str], stdout: Path) -> None:
    words = stdout.read_text("utf-8", "replace")[-2000:] if stdout.is_file() else ""
    for host in hosts:
        done.hosts[host].failures.append(words)
