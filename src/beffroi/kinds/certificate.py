"""A machine's certificate from the town's own authority: its names, its key, and how long it still lasts (RFC 5280).

The key is made on the machine and never leaves it. Looked at: the files as OpenSSL reads them; of the key, the digest
of its public half alone.
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
from ._certificates import DAY, digest, held, names, public_of, seconds, stat_of
from ._order import Answer
from ._sections import Section, look

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

_LEEWAY = 2
"""Days that a lifetime may exceed what was asked for: easy-rsa counts whole days from its own clock."""

_HELD = {
    tls.FOLDER: "root:root 0755 directory",
    tls.AUTHORITY_FILE: "root:root 0644 regular file",
    tls.CERTIFICATE_FILE: "root:root 0644 regular file",
    tls.KEY_FILE: f"root:{tls.KEY_GROUP} 0640 regular file",
}
_SHOWN = "-noout -subject -issuer -nameopt RFC2253 -startdate -enddate -dateopt iso_8601 -ext subjectAltName"

_RESTARTED = "rsyslog.service"
"""It reads its certificate when it starts and never again (SIGHUP closes its files, no more)."""

MEANS = {
    "authority": "the machine that signs; another one's signature would not be the issuer's",
    "reloaded": "what reads the files, reloaded when they change; controls of their own hold that they run",
    "restarted": "what reads the files at its start alone; controls of their own hold that they run",
}
"""Values that a pass need not tell from others, and why (beffroi.coverage)."""

Judged = Literal["identity", "files", "lasting"]


class Params(KindModel):
    """`judged`: whose certificate it is, who may touch its files, or its dates.

    `days`: how long a certificate is valid. `renew_days`: with fewer left, the check fails and an apply renews it.
    """

    judged: Judged
    days: Annotated[int, Field(ge=2, le=398)] = 90
    renew_days: Annotated[int, Field(ge=1, le=397)] = 30

    @model_validator(mode="after")
    def _is_renewed_before_it_ends(self) -> Self:
        if self.renew_days >= self.days:
            raise ValueError(say("certificates-renewal", days=self.days, renew_days=self.renew_days))
        return self


class Setting(SettingModel):
    """The certificate, and the part that the control judges; `issuer` is the authority's name, `authority` its machine.

    `reloaded`, `restarted`: the units that read the files, told when these change.
    """

    judged: Judged
    name: str
    addresses: tuple[str, ...]
    authority: str
    issuer: str
    days: int
    renew_days: int
    reloaded: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Return the part that is judged: a machine has one certificate."""
        return self.judged

    def names(self) -> set[str]:
        """Return every name that the certificate bears."""
        return {self.name, *self.addresses}


def expected(params: Params, site: Site) -> list[Setting]:
    """Return the machine's certificate; nothing where it needs none, or where the town has no authority."""
    authority = tls.authority(site.city)
    if authority is None or not tls.has_certificate(site.city, site.name):
        return []
    setting = Setting(
        judged=params.judged,
        name=tls.machine_name(site.city, site.name),
        addresses=tls.addresses(site.machine),
        authority=authority,
        issuer=tls.issuer(site.city),
        days=params.days,
        renew_days=params.renew_days,
        reloaded=tuple(unit for unit in tls.units(site.machine) if unit != _RESTARTED),
        restarted=(_RESTARTED,),
    )
    return [setting]


def weakened(before: Params, after: Params) -> Answer:
    """Tell whether another part is judged, certificates last longer, or fewer days may be left."""
    return after.judged != before.judged or after.days > before.days or after.renew_days < before.renew_days


def observe(host: LiveHost, settings: Sequence[Setting]) -> dict[str, Any]:  # noqa: ARG001 - one certificate a machine
    """Read the files' owners and modes, the certificate, its chain, and digests of both public keys."""
    certificate, key, authority = tls.CERTIFICATE_FILE, tls.KEY_FILE, tls.AUTHORITY_FILE
    seen = look(
        host,
        {
            "openssl": "openssl version",
            "files": stat_of(_HELD),
            "certificate": f"openssl x509 -in {certificate} {_SHOWN}",
            "public": public_of(f"openssl x509 -in {certificate} -noout -pubkey"),
            "key": public_of(f"openssl pkey -in {key} -pubout -passin pass:"),
            "chain": f"openssl verify -no-CApath -no-CAstore -no_check_time -purpose sslserver -CAfile {authority} "
            f"{certificate}",
            "authority": f"openssl x509 -in {authority} -noout -enddate -dateopt iso_8601",
            "authorities": f"grep -c 'BEGIN CERTIFICATE' {authority}",
            "now": "date +%s",
        },
        may_fail=frozenset({"certificate", "public", "key", "chain", "authority", "authorities"}),
    )
    return {
        "files": dict(held(line) for line in seen["files"].lines()),
        "certificate": _certificate(seen["certificate"]),
        "public": digest(seen["public"]),
        "key": digest(seen["key"]),
        "chain": seen["chain"].code == 0,
        "authority_ends": _end(seen["authority"]),
        "authorities": seen["authorities"].text.strip(),
        "now": int(seen["now"].text),
    }


def _certificate(section: Section) -> dict[str, Any] | None:
    """Return what OpenSSL prints of a certificate; None when it is not one."""
    if section.code:
        return None
    fields = dict(line.split("=", 1) for line in section.lines() if re.match(r"(subject|issuer|not\w+)=", line))
    return {
        "subject": fields["subject"],
        "issuer": fields["issuer"],
        "not_before": seconds(fields["notBefore"]),
        "not_after": seconds(fields["notAfter"]),
        "names": names(section.text),
    }


def _end(section: Section) -> int:
    """Return when a certificate ends, in seconds since 1970; 0 when there is none."""
    found = re.match(r"notAfter=(.+)", section.text.strip())
    return seconds(found[1]) if found and section.code == 0 else 0


def judge(settings: Sequence[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Judge, for each setting, the part of the certificate that it is about."""
    parts = {"identity": _identity, "files": _files, "lasting": _lasting}
    return [finding for setting in settings for finding in parts[setting.judged](setting, facts)]


def _identity(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    found = facts["certificate"]
    borne = set(found["names"]) if found else set()
    observed = ", ".join(sorted(borne)) or "no certificate"
    yield _finding(borne == setting.names(), "names", ", ".join(sorted(setting.names())), observed)
    signed_by = found["issuer"] if found else "nobody"
    yield _finding(signed_by == f"CN={setting.issuer}", "issuer", f"CN={setting.issuer}", signed_by)
    chain = "verifies" if facts["chain"] else "does not verify"
    yield _finding(facts["chain"], f"chain to {tls.AUTHORITY_FILE}", "verifies", chain)
    authorities = facts["authorities"]
    yield _finding(authorities == "1", f"authorities in {tls.AUTHORITY_FILE}", "1", authorities or "none")
    paired = bool(facts["key"]) and facts["key"] == facts["public"]
    yield _finding(paired, "private key", "the certificate's", "the certificate's" if paired else "another, or none")


def _files(_: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    for path, wanted in _HELD.items():
        observed = facts["files"].get(path, "absent")
        yield _finding(observed == wanted, path, wanted, observed)


def _lasting(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    found, now = facts["certificate"], facts["now"]
    if found is None:
        yield _finding(False, "certificate", "there", "no certificate")  # noqa: FBT003 - the finding's outcome
        return
    begins, ends = found["not_before"], found["not_after"]
    yield _finding(begins <= now, "valid since", "the past", "the past" if begins <= now else "the future")
    left = (ends - now) / DAY
    yield _finding(left >= setting.renew_days, "expires in", f"{setting.renew_days} days at least", f"{left:.1f} days")
    above = (facts["authority_ends"] - now) / DAY
    wanted = f"{setting.renew_days} days at least"
    yield _finding(above >= setting.renew_days, f"{tls.AUTHORITY_FILE}: expires in", wanted, f"{above:.1f} days")
    lifetime = (ends - begins) / DAY
    short = lifetime <= setting.days + _LEEWAY
    yield _finding(short, "valid for", f"{setting.days} days at most", f"{lifetime:.1f} days")
