"""Ansible module: the secret of one database account, made on the machine that uses it; its verifier for the server.

The secret never leaves the machine. The verifier is PostgreSQL's own form of SCRAM-SHA-256 (RFC 5802, RFC 7677): it
cannot be turned back, and the same secret gives the same one, so that running again changes nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64encode
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.placed_files import place_file

FOLDER = Path("/etc/beffroi/secrets")
LENGTH = 32
"""Bytes drawn at random: nobody ever types it."""
ROUNDS = 4096
"""PostgreSQL's own number; a secret of 256 random bits needs no slower one."""


def held(path: Path) -> str:
    """Return the secret in a file, nothing where there is none."""
    return path.read_text().strip() if path.is_file() and not path.is_symlink() else ""


def make(path: Path) -> str:
    """Write a new secret that root alone may read, and return it."""
    FOLDER.parent.mkdir(mode=0o755, exist_ok=True)
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    secret = secrets.token_urlsafe(LENGTH)
    place_file(path, f"{secret}\n", 0o600)
    return secret


def verifier(secret: str, name: str) -> str:
    """Return what the server keeps instead of the secret. The public salt comes from both."""
    salt = hmac.digest(secret.encode(), b"beffroi salt " + name.encode(), "sha256")[:16]
    salted = hashlib.pbkdf2_hmac("sha256", secret.encode(), salt, ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt_text, stored_text, server_text = (b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${ROUNDS}:{salt_text}${stored_text}:{server_text}"


def main() -> None:
    """Make the secret where it is missing; close its file; give the verifier."""
    arguments = {"name": {"type": "str", "required": True}}
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    path = FOLDER / module.params["name"]
    secret = held(path)
    changed = not secret
    if changed and not module.check_mode:
        secret = make(path)
    module.exit_json(changed=changed, verifier=verifier(secret, module.params["name"]) if secret else "")


if __name__ == "__main__":
    main()
