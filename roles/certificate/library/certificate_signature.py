"""Ansible module, run on the authority's machine: signs another machine's request with easy-rsa, where that is due.

Names come from the town's declaration, never from the request: of that, the public key alone is taken.
"""

from __future__ import annotations

import fcntl
import hashlib
from pathlib import Path
from typing import Any

from ansible.module_utils.programs import run_clean
from ansible.module_utils.role_settings import settings_module

FOLDER = Path("/etc/beffroi/authority")
PKI = FOLDER / "pki"
EASYRSA = "/usr/share/easy-rsa/easyrsa"
ANOTHER_NAME = "the request is for another machine"
NONE_YET = "this machine holds no certificate authority yet: apply the town to it first"


def sign(setting: dict[str, Any], csr: str) -> str:
    """Return a certificate for the machine's names and the request's key; raise ValueError when it cannot be had."""
    name = setting["name"]
    with (FOLDER / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several machines ask at once, and OpenSSL's list is one file
        asked, issued = PKI / "reqs" / f"{name}.req", PKI / "issued" / f"{name}.crt"
        issued.unlink(missing_ok=True)  # every certificate also stays under its serial number
        asked.write_text(csr)
        subject = run_clean("openssl", "req", "-in", str(asked), "-noout", "-verify", "-subject", "-nameopt", "RFC2253")
        if subject.strip() != f"subject=CN={name}":
            raise ValueError(ANOTHER_NAME)
        names = ",".join([f"DNS:{name}", *(f"IP:{address}" for address in setting["addresses"])])
        ours = {"EASYRSA_PKI": str(PKI), "EASYRSA_EXT_DIR": str(FOLDER / "types"), "EASYRSA_BATCH": "1"}
        ours |= {"EASYRSA_DIGEST": "sha256", "EASYRSA_CERT_EXPIRE": str(setting["days"])}
        run_clean(EASYRSA, f"--subject-alt-name={names}", "sign-req", "serverClient", name, **ours)
        return run_clean("openssl", "x509", "-in", str(issued))


def main() -> None:
    """Sign when a certificate is due, or when the machine knows another authority than this one."""
    module = settings_module(request={"type": "dict", "required": True})
    asked, setting = module.params["request"], max(module.params["settings"], key=lambda it: it["renew_days"])
    authority = (PKI / "ca.crt").read_text() if (PKI / "ca.crt").is_file() else ""
    if not authority and not module.check_mode:
        module.fail_json(msg=NONE_YET)
    known = hashlib.sha256(authority.encode()).hexdigest() == asked.get("known")
    if known and not asked.get("due"):
        module.exit_json(changed=False, certificate="")
    if module.check_mode:
        module.exit_json(changed=True, certificate="")
    try:
        signed = sign(setting, str(asked.get("csr", "")))
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=True, certificate=signed, authority=authority)


if __name__ == "__main__":
    main()
