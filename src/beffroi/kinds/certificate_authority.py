"""The town's own certificate authority: easy-rsa on one machine, whose key signs every other machine's certificate.

Looked at: who may touch its files, its certificate as OpenSSL reads it, and its list of what it signed (`index.txt`,
openssl-ca(1)). Of its key, the digest of the public half alone is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.kinds._findings import finding as _finding
from beffroi.messages import say
from beffroi.verdict import Finding

from . import _tls as tls
from ._certificates import DAY, digest, held, public_of, seconds, stat_of
from ._order import Answer
from ._sections import Section, look

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

_FOLDER = "/etc/beffroi/authority"
_PKI = f"{_FOLDER}/pki"
_CERTIFICATE = f"{_PKI}/ca.crt"
_KEY = f"{_PKI}/private/ca.key"
_INDEX = f"{_PKI}/index.txt"
_SERIAL = f"{_PKI}/serial"

_HELD = {
    _FOLDER: "root:root 0700 directory",
    f"{_PKI}/private": "root:root 0700 directory",
    _KEY: "root:root 0600 regular file",
    _INDEX: "root:root 0600 regular file",
    _SERIAL: "root:root 0600 regular file",
}
_SHOWN = "-noout -subject -issuer -nameopt RFC2253 -enddate -dateopt iso_8601 -ext basicConstraints"
# V, R or E: valid, revoked or expired; then dates, the serial number, a file and the name (openssl-ca(1)).
_ENTRY = r"^[VRE]	[0-9]{12,14}Z	[^	]*	[0-9A-F]+	[^	]+	/"


class Params(KindModel):
    """`judged`: who may touch its files, or its certificate and its dates.

    `days`: how long its own certificate is valid. `renew_days`: with fewer left, the check fails and an apply makes
    its certificate anew, for the same key.
    """

    judged: Literal["files", "certificate"]
    days: Annotated[int, Field(ge=30, le=7300)] = 3650
    renew_days: Annotated[int, Field(ge=1, le=3650)] = 365

    @model_validator(mode="after")
    def _is_renewed_before_it_ends(self) -> Self:
        if self.renew_days >= self.days:
            raise ValueError(say("certificates-renewal", days=self.days, renew_days=self.renew_days))
        return self


class Setting(SettingModel):
    """The authority, by its own name, and the part that the control judges."""

    judged: Literal["files", "certificate"]
    name: str
    days: int
    renew_days: int

    @property
    def key(self) -> str:
        """Return the part that is judged: a machine holds one authority."""
        return self.judged


MEANS = {"days": "how long the next one will last; what is left of this one is judged by `renew_days`"}
"""Values that a pass need not tell from others, and why (beffroi.coverage)."""


def expected(params: Params, site: Site) -> list[Setting]:
    """Return the authority, on the machine that plays its role; nothing elsewhere."""
    if tls.authority(site.city) != site.name:
        return []
    return [Setting(name=tls.issuer(site.city), **params.model_dump())]


def weakened(before: Params, after: Params) -> Answer:
    """Tell whether another part is judged, the authority lasts longer, or fewer days may be left."""
    return after.judged != before.judged or after.days > before.days or after.renew_days < before.renew_days


def observe(host: LiveHost, settings: Sequence[Setting]) -> dict[str, Any]:  # noqa: ARG001 - one authority a machine
    """Read the files' owners and modes, the certificate, digests of both public keys, and count what was signed."""
    seen = look(
        host,
        {
            "openssl": "openssl version",
            "files": stat_of(_HELD),
            "certificate": f"openssl x509 -in {_CERTIFICATE} {_SHOWN}",
            "public": public_of(f"openssl x509 -in {_CERTIFICATE} -noout -pubkey"),
            "key": public_of(f"openssl pkey -in {_KEY} -pubout -passin pass:"),
            "entries": f"grep -cE '{_ENTRY}' {_INDEX}",
            "lines": f"grep -c '' {_INDEX}",
            "serial": f"grep -cE '^[0-9A-Fa-f]+$' {_SERIAL}",
            "now": "date +%s",
        },
        may_fail=frozenset({"certificate", "public", "key", "entries", "lines", "serial"}),
    )
    return {
        "files": dict(held(line) for line in seen["files"].lines()),
        "certificate": _certificate(seen["certificate"]),
        "public": digest(seen["public"]),
        "key": digest(seen["key"]),
        "entries": _count(seen["entries"]),
        "lines": _count(seen["lines"]),
        "serial": _count(seen["serial"]),
        "now": int(seen["now"].text),
    }


def _count(section: Section) -> int | None:
    """Return what `grep -c` counted; None when there was no file to count in."""
    text = section.text.strip()
    return int(text) if text.isdecimal() else None


def _certificate(section: Section) -> dict[str, Any] | None:
    if section.code:
        return None
    fields = dict(line.split("=", 1) for line in section.lines() if re.match(r"(subject|issuer|notAfter)=", line))
    return {
        "subject": fields["subject"],
        "issuer": fields["issuer"],
        "not_after": seconds(fields["notAfter"]),
        "signs": "CA:TRUE" in section.text,
    }


def judge(settings: Sequence[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Judge, for each setting, the part of the authority that it is about."""
    parts = {"files": _files, "certificate": _authority}
    return [finding for setting in settings for finding in parts[setting.judged](setting, facts)]


def _files(_: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    for path, wanted in _HELD.items():
        observed = facts["files"].get(path, "absent")
        yield _finding(observed == wanted, path, wanted, observed)
    lines, entries = facts["lines"], facts["entries"]
    readable = lines is not None and entries == lines
    observed = "absent" if lines is None else f"{entries} of {lines} lines"
    yield _finding(readable, f"{_INDEX}: what was signed", "readable", "readable" if readable else observed)
    numbered = facts["serial"] == 1
    yield _finding(numbered, f"{_SERIAL}: a serial number", "readable", "readable" if numbered else "not readable")


def _authority(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    found = facts["certificate"]
    wanted = f"CN={setting.name}"
    named = found is not None and found["subject"] == found["issuer"] == wanted and found["signs"]
    observed = f"{found['subject']}, signed by {found['issuer']}" if found else "no certificate"
    yield _finding(named, "authority", f"{wanted}, signed by {wanted}", observed)
    paired = bool(facts["key"]) and facts["key"] == facts["public"]
    yield _finding(paired, "private key", "the certificate's", "the certificate's" if paired else "another, or none")
    left = (found["not_after"] - facts["now"]) / DAY if found else 0.0
    yield _finding(left >= setting.renew_days, "expires in", f"{setting.renew_days} days at least", f"{left:.1f} days")
