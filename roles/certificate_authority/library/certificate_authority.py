"""Ansible module: a certificate authority under /etc/beffroi/authority, made with easy-rsa.

Too near its end, its certificate is made anew for the same key: what it signed before stays good. One that cannot sign
any more (its key lost, another key than its certificate's) is set aside whole, and a new one takes its place: every
machine's certificate is then signed anew, by the role certificate.
"""

from __future__ import annotations

import re
import secrets
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.placed_files import own, rights
from ansible.module_utils.programs import run_clean
from ansible.module_utils.role_settings import settings_module

FOLDER = Path("/etc/beffroi/authority")
PKI = FOLDER / "pki"
TYPES = FOLDER / "types"
EASYRSA = "/usr/share/easy-rsa/easyrsa"
DAY = 86_400
ENTRY = re.compile(r"[VRE]\t[0-9]{12,14}Z\t[^\t]*\t[0-9A-F]+\t[^\t]+\t/")

FOLDERS = (FOLDER, PKI, PKI / "private", TYPES)
CLOSED = (PKI / "private" / "ca.key", PKI / "ca.crt", PKI / "index.txt", PKI / "serial")

# X.509 extensions, as RFC 5280 asks: critical where they say who may sign. A machine is client and server at once.
TYPE_FILES = {
    "COMMON": "",
    "ca": (
        "basicConstraints = critical, CA:TRUE, pathlen:0\nsubjectKeyIdentifier = hash\n"
        "authorityKeyIdentifier = keyid:always\nkeyUsage = critical, cRLSign, keyCertSign\n"
    ),
    "serverClient": (
        "basicConstraints = critical, CA:FALSE\nsubjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid:always\n"
        "extendedKeyUsage = serverAuth, clientAuth\nkeyUsage = critical, digitalSignature\n"
    ),
}


def easyrsa(*words: str, **variables: str) -> None:
    """Run easy-rsa on our authority."""
    ours = {
        "EASYRSA_PKI": str(PKI),
        "EASYRSA_EXT_DIR": str(TYPES),
        "EASYRSA_BATCH": "1",
        "EASYRSA_ALGO": "ec",
        "EASYRSA_CURVE": "prime256v1",
        "EASYRSA_DIGEST": "sha256",
    }
    run_clean(EASYRSA, *words, **ours, **variables)


def signs(setting: dict[str, Any]) -> bool:
    """Tell whether the authority that is there can go on: its name, its key."""
    certificate, key = str(PKI / "ca.crt"), str(PKI / "private" / "ca.key")
    try:
        subject = run_clean("openssl", "x509", "-in", certificate, "-noout", "-subject", "-nameopt", "RFC2253").strip()
        paired = run_clean("openssl", "x509", "-in", certificate, "-noout", "-pubkey") == run_clean(
            "openssl", "pkey", "-in", key, "-pubout", "-passin", "pass:"
        )
    except (ValueError, OSError):
        return False
    return paired and subject == f"subject=CN={setting['name']}"


def lasts(setting: dict[str, Any]) -> bool:
    """Tell whether its certificate is one of an authority, signed by itself, that has days enough left."""
    certificate = str(PKI / "ca.crt")
    try:
        run_clean("openssl", "x509", "-in", certificate, "-noout", "-checkend", str(setting["renew_days"] * DAY))
        run_clean("openssl", "verify", "-no-CApath", "-no-CAstore", "-x509_strict", "-CAfile", certificate, certificate)
    except ValueError:
        return False
    return True


def renew(setting: dict[str, Any]) -> None:
    """Make the authority's certificate anew, for the key and the name that it has."""
    draft = PKI / "ca.crt.new"
    words = ["-in", str(PKI / "ca.crt"), "-signkey", str(PKI / "private" / "ca.key"), "-clrext"]
    words += ["-extfile", str(TYPES / "ca"), "-days", str(setting["days"]), "-set_serial", f"0x{secrets.token_hex(16)}"]
    run_clean("openssl", "x509", *words, "-out", str(draft))
    draft.chmod(0o600)
    draft.replace(PKI / "ca.crt")


def modes() -> list[tuple[Path, int]]:
    """Return what is open, owned by another than root, or a link, and the mode that it is to have."""
    wanted = [(path, 0o700) for path in FOLDERS] + [(path, 0o600) for path in CLOSED]
    return [(path, mode) for path, mode in wanted if path.exists() and rights(path) != (mode, 0, 0)]


def make(setting: dict[str, Any]) -> None:
    """Set an authority that is there aside, and make a new one."""
    FOLDER.parent.mkdir(mode=0o755, exist_ok=True)
    if PKI.exists():
        PKI.rename(FOLDER / f"pki.until-{stamp()}")
    for folder in (FOLDER, TYPES):
        folder.mkdir(mode=0o700, exist_ok=True)
    for name, text in TYPE_FILES.items():
        (TYPES / name).write_text(text)
    easyrsa("init-pki")
    easyrsa("build-ca", "nopass", EASYRSA_REQ_CN=setting["name"], EASYRSA_CA_EXPIRE=str(setting["days"]))


def damaged() -> dict[Path, str]:
    """Return the files of what was signed that OpenSSL could not read, and the text that each is to have.

    Of the list, the lines that are whole stay; serial numbers are drawn at random, so any first one will do.
    """
    wanted = {}
    serial = text_of(PKI / "serial")
    if not re.fullmatch(r"[0-9A-Fa-f]+\n?", serial):
        wanted[PKI / "serial"] = "01\n"
    lines = text_of(PKI / "index.txt").splitlines()
    if not (PKI / "index.txt").is_file() or not all(map(ENTRY.match, lines)):
        wanted[PKI / "index.txt"] = "".join(f"{line}\n" for line in lines if ENTRY.match(line))
    return wanted


def text_of(path: Path) -> str:
    """Return a file's text; "" when there is none."""
    return path.read_text("ascii", "replace") if path.is_file() else ""


def mend(path: Path, text: str) -> None:
    """Set a damaged file aside, and write it anew."""
    if path.exists():
        path.rename(path.with_name(f"{path.name}.damaged-{stamp()}"))
    path.write_text(text)
    path.chmod(0o600)


def stamp() -> str:
    """Return the time, for the name of what is set aside."""
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime())


def enforce(setting: dict[str, Any], *, dry: bool) -> list[str]:
    """Make what is missing, renew what ends, mend what is damaged, close what is open; return what that was."""
    anew = not signs(setting)
    ends = not anew and not lasts(setting)
    broken = {} if anew else damaged()
    changes = ["a new authority"] * anew + ["its certificate"] * ends + [str(path) for path in broken]
    if not dry:
        if anew:
            make(setting)
        if ends:
            renew(setting)
        for path, text in broken.items():
            mend(path, text)
    for path, mode in modes():
        changes.append(str(path))
        if not dry:
            own(path, mode)
    return changes


def main() -> None:
    """Make what is missing, close what is open."""
    module = settings_module()
    setting = max(module.params["settings"], key=lambda it: it["renew_days"])
    try:
        changes = enforce(setting, dry=module.check_mode)
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
