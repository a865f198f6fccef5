"""Ansible module: the machine's half of its certificate: a first call writes a request, a second installs the answer.

`settings` alone: sees to folders, owners and modes, tells whether what is there can stay (`due` says why not), and
returns a request (PKCS #10, RFC 2986) for the key that is there, or for a new one when a certificate is due.
`signed` too: puts the certificate, its authority's and the new key in place, and tells the services.
"""

from __future__ import annotations

import grp
import hashlib
import os
from pathlib import Path
from typing import Any

from ansible.module_utils.accounts import group_number, has_group
from ansible.module_utils.placed_files import own, rights
from ansible.module_utils.programs import run_clean
from ansible.module_utils.role_settings import settings_module

FOLDER = Path("/etc/beffroi/tls")
AUTHORITY, CERTIFICATE, KEY = FOLDER / "ca.crt", FOLDER / "machine.crt", FOLDER / "machine.key"
NEW_KEY = FOLDER / ".machine.key.new"
GROUP = "ssl-cert"
MODES = {FOLDER: 0o755, AUTHORITY: 0o644, CERTIFICATE: 0o644, KEY: 0o640}
DAY = 86_400


def succeeds(*words: str) -> bool:
    """Tell whether a program ends well."""
    try:
        run_clean(*words)
    except (OSError, ValueError):
        return False
    return True


def named(setting: dict[str, Any]) -> bool:
    """Tell whether the certificate bears every name of the machine; more would be the authority's mistake."""
    checks = [("-checkhost", setting["name"]), *(("-checkip", address) for address in setting["addresses"])]
    answers = [run_clean("openssl", "x509", "-in", str(CERTIFICATE), "-noout", *check) for check in checks]
    names = run_clean("openssl", "x509", "-in", str(CERTIFICATE), "-noout", "-ext", "subjectAltName")
    borne = names.count("DNS:") + names.count("IP Address:")
    return all("does match" in answer for answer in answers) and borne == len(checks)


def due(setting: dict[str, Any]) -> str:
    """Return why another certificate is needed; "" when the one that is there can stay."""
    certificate, authority = str(CERTIFICATE), str(AUTHORITY)
    try:
        key = run_clean("openssl", "pkey", "-in", str(KEY), "-pubout", "-passin", "pass:")
        paired = run_clean("openssl", "x509", "-in", certificate, "-noout", "-pubkey") == key
        issuer = run_clean("openssl", "x509", "-in", certificate, "-noout", "-issuer", "-nameopt", "RFC2253").strip()
        ours = issuer == f"issuer=CN={setting['issuer']}" and named(setting)
    except (OSError, ValueError):
        return "no certificate with its key"
    verified = succeeds("openssl", "verify", "-no-CApath", "-no-CAstore", "-CAfile", authority, certificate)
    days = setting["renew_days"]
    good = {
        "another key than the certificate's": paired,
        "another issuer, or other names": ours,
        "expired, or not from the authority": verified,
        f"under {days} days left": lasts(certificate, days),
        f"under {days} days left to its authority": lasts(authority, days),
        # One that lasts longer than these settings ask was not made by them; two days, for the authority's own clock.
        f"more than {setting['days']} days left": not lasts(certificate, setting["days"] + 2),
    }
    return next((why for why, fine in good.items() if not fine), "")


def lasts(certificate: str, days: int) -> bool:
    """Tell whether a certificate is still valid after so many days."""
    return succeeds("openssl", "x509", "-in", certificate, "-noout", "-checkend", str(days * DAY))


def tidy(*, dry: bool) -> list[str]:
    """Give the folder and the files that are there their owners and modes; return those that differed."""
    changes = [] if has_group(GROUP) else [f"group {GROUP}"]
    if changes and not dry:
        run_clean("groupadd", "--system", GROUP)
    group = group_number(GROUP)
    if not FOLDER.is_dir():
        changes.append(str(FOLDER))
        if dry:
            return changes
        FOLDER.mkdir(mode=0o755, parents=True)
    for path, mode in MODES.items():
        wanted = (mode, 0, group if path == KEY else 0)
        if path.is_symlink() or not path.exists():
            continue
        if rights(path) != wanted:
            changes.append(str(path))
            if not dry:
                own(path, mode, wanted[1:])
    return changes


def request(setting: dict[str, Any], *, anew: bool) -> str:
    """Return a request for the machine's key; for a new one, closed from its first byte, where a certificate is due."""
    NEW_KEY.unlink(missing_ok=True)
    if anew:
        os.close(os.open(NEW_KEY, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        run_clean("openssl", "genpkey", *curve, "-out", str(NEW_KEY))
    key = NEW_KEY if anew else KEY
    return run_clean("openssl", "req", "-new", "-key", str(key), "-passin", "pass:", "-subj", f"/CN={setting['name']}")


def install(signed: dict[str, Any], setting: dict[str, Any]) -> None:
    """Put the files in place, each whole at every moment, and tell the services."""
    texts = {AUTHORITY: signed["authority"], CERTIFICATE: signed["certificate"] + signed["authority"]}
    drafts = []
    for path, text in texts.items():
        draft = FOLDER / f".{path.name}.new"
        draft.unlink(missing_ok=True)
        draft.write_text(text)
        draft.chmod(MODES[path])
        drafts.append((draft, path))
    if NEW_KEY.exists():
        own(NEW_KEY, MODES[KEY], (0, grp.getgrnam(GROUP).gr_gid))
        drafts.append((NEW_KEY, KEY))
    for draft, path in drafts:
        draft.replace(path)
    tell(setting)


def tell(setting: dict[str, Any]) -> None:
    """Have the services read the files again, those that run."""
    for verb, units in (("try-reload-or-restart", setting["reloaded"]), ("try-restart", setting["restarted"])):
        for unit in units or []:
            succeeds("systemctl", verb, unit)


def main() -> None:
    """Write the request, or install what was signed."""
    module = settings_module(signed={"type": "dict"})
    setting, signed = max(module.params["settings"], key=lambda it: it["renew_days"]), module.params["signed"]
    try:
        if signed:
            install(signed, setting)
            module.exit_json(changed=True, changes=[str(CERTIFICATE)])
        changes = tidy(dry=module.check_mode)
        why = due(setting)
        text = "" if module.check_mode else request(setting, anew=bool(why))
        known = hashlib.sha256(AUTHORITY.read_bytes()).hexdigest() if AUTHORITY.is_file() else ""
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    changes += [f"{CERTIFICATE}: {why}"] if why else []
    module.exit_json(changed=bool(changes), changes=changes, due=why, known=known, csr=text)


if __name__ == "__main__":
    main()
