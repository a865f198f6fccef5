"""Ansible module: the machine's half of its certificate: a first call writes a request, a second installs the answer.

`settings` alone: sees to folders, owners and modes, tells whether what is there can stay (`due` says why not), and
returns a request (PKCS #10, RFC 2986) for the key that is there, or for a new one when a certificate is due.
`signed` too: puts the certificate, its authority's and the new key in place, and tells the services.
"""

from __future__ import annotations

import grp
import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

FOLDER = Path("/etc/beffroi/tls")
AUTHORITY, CERTIFICATE, KEY = FOLDER / "ca.crt", FOLDER / "machine.crt", FOLDER / "machine.key"
NEW_KEY = FOLDER / ".machine.key.new"
GROUP = "ssl-cert"
MODES = {FOLDER: 0o755, AUTHORITY: 0o644, CERTIFICATE: 0o644, KEY: 0o640}
DAY = 86_400


def run(*words: str) -> str:
    """Run a program; raise ValueError with what it said when it fails."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise ValueError(f"{' '.join(words)}: {(done.stdout + done.stderr)[-1000:]}".strip())
    return done.stdout


def succeeds(*words: str) -> bool:
    """Tell whether a program ends well."""
    try:
        run(*words)
    except (OSError, ValueError):
        return False
    return True


def named(setting: dict[str, Any]) -> bool:
    """Tell whether the certificate bears every name of the machine; more would be the authority's mistake."""
    checks = [("-checkhost", setting["name"]), *(("-checkip", address) for address in setting["addresses"])]
    answers = [run("openssl", "x509", "-in", str(CERTIFICATE), "-noout", *check) for check in checks]
    names = run("openssl", "x509", "-in", str(CERTIFICATE), "-noout", "-ext", "subjectAltName")
    borne = names.count("DNS:") + names.count("IP Address:")
    return all("does match" in answer for answer in answers) and borne == len(checks)


def due(setting: dict[str, Any]) -> str:
    """Return why another certificate is needed; "" when the one that is there can stay."""
    certificate, authority = str(CERTIFICATE), str(AUTHORITY)
    try:
        key = run("openssl", "pkey", "-in", str(KEY), "-pubout", "-passin", "pass:")
        paired = run("openssl", "x509", "-in", certificate, "-noout", "-pubkey") == key
        issuer = run("openssl", "x509", "-in", certificate, "-noout", "-issuer", "-nameopt", "RFC2253").strip()
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
    group = next((entry.gr_gid for entry in grp.getgrall() if entry.gr_name == GROUP), None)
    changes = [] if group is not None else [f"group {GROUP}"]
    if group is None and not dry:
        run("groupadd", "--system", GROUP)
        group = grp.getgrnam(GROUP).gr_gid
    if not FOLDER.is_dir():
        changes.append(str(FOLDER))
        if dry:
            return changes
        FOLDER.mkdir(mode=0o755, parents=True)
    for path, mode in MODES.items():
        wanted = (mode, 0, group if path == KEY else 0)
        if path.is_symlink() or not path.exists():
            continue
        state = path.stat()
        if (state.st_mode & 0o7777, state.st_uid, state.st_gid) != wanted:
            changes.append(str(path))
            if not dry:
                os.chown(path, 0, wanted[2])
                path.chmod(mode)
    return changes


def request(setting: dict[str, Any], *, anew: bool) -> str:
    """Return a request for the machine's key; for a new one, closed from its first byte, where a certificate is due."""
    NEW_KEY.unlink(missing_ok=True)
    if anew:
        os.close(os.open(NEW_KEY, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        run("openssl", "genpkey", *curve, "-out", str(NEW_KEY))
    key = NEW_KEY if anew else KEY
    return run("openssl", "req", "-new", "-key", str(key), "-passin", "pass:", "-subj", f"/CN={setting['name']}")


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
        os.chown(NEW_KEY, 0, grp.getgrnam(GROUP).gr_gid)
        NEW_KEY.chmod(MODES[KEY])
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
    arguments = {
        "settings": {"type": "list", "elements": "dict", "required": True},
        "signed": {"type": "dict"},
    }
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
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
