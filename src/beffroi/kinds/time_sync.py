"""One clock for the whole town: chrony follows the machine that plays the role `time-server`, and says how closely.

Looked at: what chronyd itself reports (its reference, its leap status, its offset), never its configuration alone. In a
container chronyd follows without setting the computer's clock (`-x`): the offset is real all the same.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from beffroi.city import INTERNET
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.kinds._findings import finding as _finding
from beffroi.network.permits import permits
from beffroi.network.routing import meeting
from beffroi.verdict import Finding

from ._sections import look

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

SERVER_ROLE = "time-server"

# `chronyc -c tracking`, chronyc(1): reference id, reference name, stratum, reference time, system time, ..., leap.
_REFERENCE, _OFFSET, _LEAP = 1, 4, 13
_FIELDS = 14
_NO_ANSWER = "(chronyd does not answer)"


class Params(KindModel):
    """`max_offset_ms`: how far from the reference a clock may be; `upstreams`: addresses that the server follows."""

    service: str = "ntp"
    max_offset_ms: Annotated[int, Field(ge=1, le=60_000)] = 100
    upstreams: tuple[str, ...] = ()


class Setting(SettingModel):
    """Whom the machine follows (`sources`), and to whom it gives the time (`allow`, networks; none for a client)."""

    part: Literal["client", "server"]
    sources: tuple[str, ...]
    allow: tuple[str, ...] = ()
    max_offset_ms: int

    @property
    def key(self) -> str:
        """Return what the setting is about: a machine has one clock."""
        return "clock"


def expected(params: Params, site: Site) -> list[Setting]:
    """Return the machine's part; nothing in a town without a time server that it can reach."""
    server = next(iter(site.city.hosts_with_role(SERVER_ROLE)), None)
    if server == site.name:
        allow = _clients(site, params.service)
        upstreams = params.upstreams
        return [Setting(part="server", sources=upstreams, allow=allow, max_offset_ms=params.max_offset_ms)]
    sides = meeting(site.city, site.name, server) if server else None
    if sides is None:
        return []
    return [Setting(part="client", sources=(str(sides[1].ipv4),), max_offset_ms=params.max_offset_ms)]


def _clients(site: Site, service: str) -> tuple[str, ...]:
    """Return the networks that a declared flow brings to the time server."""
    wanted = site.city.services[service]
    sources = [p.source for p in permits(site.city, site.name) if p.chain == "input" and p.service == wanted]
    found = {network for source in sources if source.segment != INTERNET for network in source.ipv4 or ()}
    found6 = {network for source in sources if source.segment != INTERNET for network in source.ipv6 or ()}
    return tuple(str(network) for network in (*sorted(found), *sorted(found6)))


def weakened(before: Params, after: Params) -> bool | None:
    """Tell whether a clock may be further off; sources of time, and ways to them, cannot be ordered."""
    if after.max_offset_ms > before.max_offset_ms:
        return True
    return False if (before.service, before.upstreams) == (after.service, after.upstreams) else None


def observe(host: LiveHost, settings: Sequence[Setting]) -> dict[str, Any]:  # noqa: ARG001 - one clock a machine
    """Ask chronyd what it follows and how closely; wait a few seconds for one that has just started."""
    patience = "for _ in 1 2 3 4 5 6 7 8; do chronyc -n -c tracking | grep -q ,Normal$ && break; sleep 1; done"
    seen = look(
        host,
        {
            "tracking": f"systemctl -q is-active chrony.service && {{ {patience}; }}; chronyc -n -c tracking",
            "boot": "systemctl is-enabled chrony.service",
            "listens": "ss -Hlun sport = :123",
            "allowed": "sed -n 's/^[[:space:]]*allow[[:space:]]*//p' /etc/chrony/chrony.conf",
        },
        may_fail=frozenset({"tracking", "boot", "allowed"}),
    )
    rows = list(csv.reader(seen["tracking"].lines()))
    row = next((row for row in rows if len(row) == _FIELDS), None)
    return {
        "reference": row[_REFERENCE] if row else None,
        "offset": abs(float(row[_OFFSET])) if row else None,
        "leap": row[_LEAP] if row else None,
        "boot": seen["boot"].text.strip(),
        "listens": bool(seen["listens"].lines()),
        "allowed": seen["allowed"].lines() if seen["allowed"].code == 0 else [],
    }


def judge(settings: Sequence[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Judge the reference and the offset; for the server, that it gives the time too."""
    return [finding for setting in settings for finding in _judge(setting, facts)]


def _judge(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    reference, offset, leap = facts["reference"], facts["offset"], facts["leap"]
    if setting.sources:
        good = reference in setting.sources
        yield _finding(good, "reference", " or ".join(setting.sources), _NO_ANSWER if reference is None else reference)
    yield _finding(leap == "Normal", "state", "Normal", leap or _NO_ANSWER)
    close = offset is not None and offset * 1000 <= setting.max_offset_ms
    observed = _NO_ANSWER if offset is None else f"{offset * 1000:.3f} ms"
    yield _finding(close, "offset", f"{setting.max_offset_ms} ms at most", observed)
    yield _finding(facts["boot"] == "enabled", "chrony.service", "enabled", facts["boot"])
    if setting.part == "server":
        yield _finding(facts["listens"], "gives the time", "udp/123", "udp/123" if facts["listens"] else "nothing")
        allowed = facts["allowed"]
        wanted = ", ".join(setting.allow) or "nobody"
        yield _finding(set(allowed) == set(setting.allow), "gives it to", wanted, ", ".join(allowed) or "nobody")
