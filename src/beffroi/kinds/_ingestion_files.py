"""What passes readings on runs with: its unit, what hands secrets over to it, and where both of its ends are.

The program is given the one password that it needs, and none of the devices': systemd hands over a copy of that line.
The unit's confinement is a control of its own (kind `unit_sandbox`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

USER = "beffroi-ingestion"
UNIT = "beffroi-ingestion.service"
FOLDER = "/etc/beffroi/ingestion"
CONFIGURATION = f"{FOLDER}/ingestion.json"
PROGRAM = "/usr/lib/beffroi/ingestion/beffroi_ingestion.py"
PSEUDONYMS = f"{FOLDER}/pseudonyms.key"
PASSWORD = f"{FOLDER}/broker.password"
STATUS = "/run/beffroi-ingestion/status.json"
BROKER = "the broker"
"""What the program calls the broker, in its status: no database has a space in its name."""
_SECRETS = "/etc/beffroi/secrets"

# A database account's secret may be made after this has started, which begins with none, and is handed it at once.
_SERVICE = """\
# Written by the role ingestion.
[Unit]
Description=Sensors' readings, from their broker to the database
After=network-online.target mosquitto.service
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
User={user}
Group={user}
LoadCredential=broker:{password}
LoadCredential=database:{secret}
SetCredential=database:none
LoadCredential=pseudonyms:{pseudonyms}
RuntimeDirectory=beffroi-ingestion
RuntimeDirectoryMode=0755
ExecStart=/usr/bin/python3 -IB {program}
Restart=always
RestartSec=5
UMask=0077

[Install]
WantedBy=multi-user.target
"""

_WATCH = f"""\
# Written by the role ingestion.
[Unit]
Description=Hand new secrets over to what passes readings on

[Path]
PathChanged={_SECRETS}
Unit=beffroi-ingestion-secrets.service

[Install]
WantedBy=multi-user.target
"""

# Of all the broker's accounts, the line of one.
_HAND_OVER = """\
# Written by the role ingestion.
[Unit]
Description=Restart what passes readings on, for new secrets
StartLimitIntervalSec=0

[Service]
Type=oneshot
UMask=0077
ExecStart=/bin/sh -c "sed -n 's/^{reader}://p' {secrets}/broker-accounts > {password}"
ExecStart=/usr/bin/systemctl try-restart {unit}
"""


def texts(broker: Mapping[str, object], database: Mapping[str, object]) -> dict[str, str]:
    """Return every file but the program, by its path."""
    secret = f"{_SECRETS}/{database['database']}.{database['account']}"
    units = "/etc/systemd/system"
    return {
        CONFIGURATION: json.dumps({"broker": broker, "database": database}, indent=1, sort_keys=True) + "\n",
        f"{units}/{UNIT}": _SERVICE.format(
            user=USER, password=PASSWORD, secret=secret, pseudonyms=PSEUDONYMS, program=PROGRAM
        ),
        f"{units}/beffroi-ingestion-secrets.path": _WATCH,
        f"{units}/beffroi-ingestion-secrets.service": _HAND_OVER.format(
            reader=broker["account"], secrets=_SECRETS, password=PASSWORD, unit=UNIT
        ),
    }
