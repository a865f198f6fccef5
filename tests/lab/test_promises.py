"""What the town promises about citizens' data, broken by hand on real machines: the verdicts due, and no other.

Broken together where one does not hide another; `apply` mends them all.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from towns import LabTown

pytestmark = pytest.mark.lab

OLD_ROW = "INSERT INTO request (received_at) VALUES (now() - interval '61 days')"
LARGEST_SEGMENT = (
    "find /srv/records-copies/records/data -type f -printf '%s %p\\n' | sort -n | tail -1 | cut -d' ' -f2-"
)


@dataclass(frozen=True)
class Broken:
    """How a promise is broken, on which machine, and the controls that say so: of that machine, or of another one."""

    promise: str
    host: str
    script: str
    said_by: frozenset[tuple[str, str]]


def broken(promise: str, host: str, script: str, *said_by: str) -> Broken:
    """Name the controls `id` for those of the same machine, `machine:id` for those of another."""
    pairs = (name.split(":") if ":" in name else (host, name) for name in said_by)
    return Broken(promise, host, script, frozenset((machine, control) for machine, control in pairs))


STORES = [
    broken(
        "rows are erased in time",
        "log",
        "systemctl disable --now beffroi-erase-requests.timer",
        "data/old-rows-erased",
    ),
    broken(
        "no row outlives its retention",
        "log",
        f'cd / && runuser -u postgres -- psql -qd requests -c "{OLD_ROW}"',
        "data/old-rows-erased",
    ),
    broken(
        "the database answers its declared clients alone",
        "log",
        "echo 'hostssl all all 10.99.30.0/24 scram-sha-256' >> /etc/postgresql/15/main/pg_hba.conf"
        " && systemctl reload postgresql@15-main.service",
        "database/declared-clients-only",
    ),
    broken(
        "copies can be restored",
        "vault",
        f'truncate -s -200 "$({LARGEST_SEGMENT})"; systemctl start beffroi-backup-records.service || true',
        "data/copies-kept-and-restored",
    ),
]
WAYS = [
    broken(
        "logs reach the collector",
        "mirror",
        "rm /etc/rsyslog.d/10-beffroi-forward.conf && systemctl restart rsyslog.service",
        "logs/forwarded-to-the-collector",
    ),
    broken(
        "certificates are valid",
        "bastion",
        "cd /etc/beffroi/tls && openssl x509 -in machine.crt -x509toreq -signkey machine.key -out /root/c.csr"
        " && openssl x509 -req -in /root/c.csr -signkey machine.key -days -1 -out machine.crt && rm /root/c.csr",
        "certificates/renewed-in-time",
        "certificates/from-the-town-authority",
        "logs/forwarded-to-the-collector",
    ),
    broken(
        "readings travel encrypted",
        "mqtt",
        "sed -i '/^cafile\\|^certfile\\|^keyfile\\|^tls_version/d' /etc/mosquitto/mosquitto.conf"
        " && systemctl restart mosquitto.service",
        "sensors/each-device-held-to-its-topics",
        "data/encrypted-in-transit",
        "certificates/shown-by-services",
    ),
]


@pytest.mark.parametrize("together", [STORES, WAYS], ids=["stores", "ways"])
def test_a_broken_promise_gives_the_verdicts_that_it_should_and_apply_mends_it(
    hamlet: LabTown, together: list[Broken]
) -> None:
    for each in together:
        hamlet.exec(each.host, each.script)
    try:
        seen = hamlet.not_passing()
        assert seen == {key: "fail" for each in together for key in each.said_by}
    finally:
        done = hamlet.apply()
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert hamlet.not_passing() == {}
