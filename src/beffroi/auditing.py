"""Verifying as an auditor: the same controls and the same judges, with no other right than the audit account's."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from threading import Lock

from beffroi import declaration, runs
from beffroi.apply import Progress, Works
from beffroi.errors import InvalidInput
from beffroi.judge import judge
from beffroi.kinds.audit_access import ACCOUNT
from beffroi.messages import say
from beffroi.observe.audited import Seen, look_as_auditor
from beffroi.observe.captures import CaptureStore
from beffroi.runs import Run
from beffroi.verdict import Observation

_CONFIG = """\
# Written by `beffroi verify --read-only`. `ssh -F {path} HOST` works too: it prints what the probe says.
Host *
  User {account}
  IdentityFile "{identity}"
  ControlPath "{sockets}"
Include "{base}"
"""


def verify_as_auditor(works: Works, identity: Path) -> Run:
    """Look at every machine through the audit account, with the private key in the file `identity`, and judge.

    Raise CouldNotAct when nothing was ever applied, InvalidInput when the key's file cannot be read.
    """
    started = datetime.now(UTC)
    declared = works.declared
    config = write_config(works.ssh_config, identity)
    store = runs.begin(works.state, declared.city.town.name, started)
    seen = _keeping(store, works.progress)
    bastion = declaration.bastion(declared.city)
    hosts = declared.desired.hosts()
    # The bastion first and alone: all others share its connection.
    first = look_as_auditor(declared.desired, [it for it in hosts if it == bastion], config, seen=seen)
    rest = look_as_auditor(declared.desired, [it for it in hosts if it != bastion], config, seen=seen)
    store.finish()
    return Run(
        town=declared.city.town.name,
        started=started,
        finished=datetime.now(UTC),
        plan_digest="",
        observations=(*first, *rest),
        verdicts=judge(declared.desired, (*first, *rest), declared.waivers, started.date()),
    )


def _keeping(store: CaptureStore, progress: Progress) -> Seen:
    """Keep each observation as it comes; hosts are looked at side by side, and a store takes one at a time."""
    one_at_a_time = Lock()

    def seen(observation: Observation) -> Observation:
        with one_at_a_time:
            kept = store.keep(observation)
            progress.seen(kept)
        return kept

    return seen


def write_config(base: Path, identity: Path) -> Path:
    """Write beside `base`, the stack's own, an ssh configuration that uses the audit account and key; return it.

    ssh takes the first value that it meets: host keys, addresses and the way over the bastion stay those of `base`.
    """
    if not identity.is_file():
        raise InvalidInput(say("audit-no-key"), where=str(identity), hint=say("audit-no-key-hint"))
    path = base.with_name("ssh_config_audit")
    # One socket a town, key and host, short enough for a socket's path, apart from the deployment account's.
    name = sha256(f"{base.resolve()} {identity.resolve()}".encode()).hexdigest()[:12]
    sockets = _sockets(base) / f"{name}-%C"
    path.write_text(_CONFIG.format(path=path, account=ACCOUNT, identity=_literal(identity), sockets=sockets, base=base))
    return path


def _sockets(base: Path) -> Path:
    """Return the folder of control sockets that `base` names: made and checked when it was written."""
    lines = (line.strip() for line in base.read_text().splitlines())
    found = next((line for line in lines if line.startswith("ControlPath ")), 'ControlPath "none"')
    return Path(found.split('"')[1]).parent


def _literal(path: Path) -> str:
    """Return `path` as ssh takes it between quotes: `%` begins one of its tokens."""
    return str(path.resolve()).replace("%", "%%")
