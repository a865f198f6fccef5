"""Ansible module: services over TLS that do not answer with the machine's certificate are restarted, once."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.role_settings import settings_module

CERTIFICATE = "/etc/beffroi/tls/machine.crt"
KEY = "/etc/beffroi/tls/machine.key"
START = {"direct": [], "postgresql": ["-starttls", "postgres"]}
PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
SECONDS = 10


def shown(setting: dict[str, Any]) -> str:
    """Return the certificate that a service shows, as PEM; "" when it makes no handshake."""
    where = f"{setting['address']}:{setting['port']}"
    words = ["openssl", "s_client", "-connect", where, *START[setting["tls"]], "-cert", CERTIFICATE, "-key", KEY]
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return ""
    found = PEM.search(done.stdout)
    return found[0] if found else ""


def main() -> None:
    """Restart what does not show the certificate that is on disk."""
    module = settings_module()
    settings = module.params["settings"]
    try:
        own = PEM.search(Path(CERTIFICATE).read_text("ascii"))
    except OSError as error:
        module.fail_json(msg=str(error))
    stale = [setting for setting in settings if own is None or shown(setting) != own[0]]
    units = sorted({unit for setting in stale for unit in setting["units"] or []})
    if units and not module.check_mode:
        for unit in units:
            module.run_command(["systemctl", "restart", unit])
    module.exit_json(changed=bool(units), changes=[f"{setting['service']}: restarted" for setting in stale])


if __name__ == "__main__":
    main()
