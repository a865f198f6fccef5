"""What the citizens' application runs with: gunicorn's configuration, the unit, and where its databases are.

gunicorn is Debian's; its settings are those of its documentation, 20.1. The unit's confinement is a control of its own
(kind `unit_sandbox`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from . import _tls as tls

USER = "beffroi-app"
UNIT = "beffroi-application.service"
FOLDER = "/etc/beffroi/application"
PROGRAM = "/usr/lib/beffroi/application/beffroi_application.py"
SECRETS = "/etc/beffroi/secrets"
PSEUDONYMS = f"{FOLDER}/pseudonyms.key"

_GUNICORN = """\
# Written by the role application.
import ssl

bind = {bind}
workers = 1
worker_class = "gthread"
threads = 4
timeout = 30
chdir = "/"
worker_tmp_dir = "/run/beffroi-application"
# TLS both ways: who shows no certificate of the town's authority gets no answer.
certfile = "{certificate}"
keyfile = "{key}"
ca_certs = "{authority}"
cert_reqs = ssl.CERT_REQUIRED
ssl_version = ssl.PROTOCOL_TLS
ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20"
# Neither what stands behind a question mark, nor who asked: the door in front knows that already.
accesslog = "-"
access_log_format = '"%(m)s %(U)s" %(s)s %(B)s'
limit_request_line = 2048
limit_request_fields = 40
"""

_SERVICE = f"""\
# Written by the role application.
[Unit]
Description=Citizens' requests
After=network-online.target
Wants=network-online.target

[Service]
User={USER}
Group={USER}
SupplementaryGroups={tls.KEY_GROUP}
Environment=PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/usr/lib/beffroi/application
LoadCredential=secrets:{SECRETS}
LoadCredential=pseudonyms:{PSEUDONYMS}
RuntimeDirectory=beffroi-application
RuntimeDirectoryMode=0700
ExecStart=/usr/bin/gunicorn --config {FOLDER}/gunicorn.conf.py beffroi_application:application
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=2
UMask=0077

[Install]
WantedBy=multi-user.target
"""

# A database account's secret may be made after the application has started: it is handed over at its start alone.
_WATCH = f"""\
# Written by the role application.
[Unit]
Description=Hand new secrets over to the citizens' application

[Path]
PathChanged={SECRETS}
Unit=beffroi-application-secrets.service

[Install]
WantedBy=multi-user.target
"""

_RESTART = f"""\
# Written by the role application.
[Unit]
Description=Restart the citizens' application, for new secrets

[Service]
Type=oneshot
ExecStart=/usr/bin/systemctl try-restart {UNIT}
"""


def texts(addresses: Iterable[str], port: int, databases: Iterable[Mapping[str, object]]) -> dict[str, str]:
    """Return every file but the program, by its path."""
    bind = [f"[{address}]:{port}" if ":" in address else f"{address}:{port}" for address in addresses]
    files = {"certificate": tls.CERTIFICATE_FILE, "key": tls.KEY_FILE, "authority": tls.AUTHORITY_FILE}
    units = "/etc/systemd/system"
    return {
        f"{FOLDER}/gunicorn.conf.py": _GUNICORN.format(bind=json.dumps(bind), **files),
        f"{FOLDER}/databases.json": json.dumps(list(databases), indent=1, sort_keys=True) + "\n",
        f"{units}/{UNIT}": _SERVICE,
        f"{units}/beffroi-application-secrets.path": _WATCH,
        f"{units}/beffroi-application-secrets.service": _RESTART,
    }
