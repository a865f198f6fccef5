"""The firewall of a machine: the running nftables ruleset is the one that the declared flows give, and nothing else.

Looks at /etc/nftables.conf (what the next boot loads), at the running ruleset, and at what the host's own nft makes of
that file in an empty network namespace: file equal to the declaration, running equal to the file.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Literal

from beffroi.city import City, Fleet
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.network.admission import admitted
from beffroi.network.firewall import Firewall
from beffroi.network.invariants import services_written
from beffroi.network.listing import Block, blocks, rules
from beffroi.network.permits import permits
from beffroi.network.reader import NotAFirewall, read
from beffroi.network.ruleset import ruleset
from beffroi.verdict import Finding, Outcome

from ._sections import look

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

_FILE = "/etc/nftables.conf"
_ABSENT = "(absent)"
_ALONE = 'unshare --net $([ "$(id -u)" = 0 ] || echo --user --map-root-user)'
"""In an empty network; for who is not root, in a user namespace that may make one."""

Judged = Literal["whole", "default-drop", "fleets-barred"]


class Params(KindModel):
    """`judged`: the whole ruleset, its default policies, or that no fleet reaches the host but by a declared flow."""

    judged: Judged = "whole"


class FleetAccess(KindModel):
    """What a fleet may reach on the host: `allowed` services such as `tcp/8883` or `udp/5000-5010`, often none."""

    fleet: str
    ipv4: str
    ipv6: str
    allowed: tuple[str, ...] = ()


class Setting(SettingModel):
    """The declared ruleset, and which part of it the control judges."""

    judged: Judged
    ruleset: str
    fleets: tuple[FleetAccess, ...] = ()

    @property
    def key(self) -> str:
        """Return the part that is judged."""
        return self.judged


def expected(params: Params, site: Site) -> list[Setting]:
    """Return the machine's ruleset, from the town's flows."""
    barred = site.city.fleets.items() if params.judged == "fleets-barred" else ()
    fleets = tuple(_access(site, name, fleet) for name, fleet in barred)
    return [Setting(judged=params.judged, ruleset=ruleset(site.city, site.name), fleets=fleets)]


def _access(site: Site, name: str, fleet: Fleet) -> FleetAccess:
    allowed = {
        service
        for permit in permits(site.city, site.name)
        if permit.chain == "input" and any(network.overlaps(fleet.ipv4) for network in permit.source.ipv4 or ())
        for service in _services(site.city, permit.flow)
    }
    return FleetAccess(fleet=name, ipv4=str(fleet.ipv4), ipv6=str(fleet.ipv6), allowed=tuple(sorted(allowed)))


def _services(city: City, flow: str) -> Iterator[str]:
    service = city.services[next(found.service for found in city.flows if found.name == flow)]
    if not service.ports:
        yield service.protocol
    for first, last in service.ranges():
        yield f"{service.protocol}/{first}" if first == last else f"{service.protocol}/{first}-{last}"


def weakened(before: Params, after: Params) -> bool:
    """Tell whether less of the ruleset is judged: the whole holds each part, and no part holds another."""
    return after.judged not in (before.judged, "whole")


def observe(host: LiveHost, settings: Sequence[Setting]) -> dict[str, Any]:  # noqa: ARG001 - one ruleset a host
    """Read the file, the running ruleset, and what the file compiles to; `compiled` is None when nft refuses it."""
    seen = look(
        host,
        {
            "file": f"cat {_FILE}",
            "running": "nft -s list ruleset",
            "meaning": "nft -j list ruleset",
            "compiled": f"{_ALONE} sh -c 'nft -f - && nft -s list ruleset' < {_FILE}",
            "boot": "systemctl is-enabled nftables.service",
        },
        may_fail=frozenset({"file", "compiled", "boot"}),
    )
    compiled = seen["compiled"]
    return {
        "file": seen["file"].text if seen["file"].code == 0 else None,
        "running": rules(seen["running"].text),
        "listing": seen["running"].text,
        "meaning": seen["meaning"].text,
        "compiled": rules(compiled.text) if compiled.code == 0 else None,
        "refused": compiled.text if compiled.code else "",
        "boot": seen["boot"].text.strip(),
    }


def judge(settings: Sequence[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Compare, for each setting, the part of the ruleset that it is about."""
    parts = {"whole": _whole, "default-drop": _default_drop, "fleets-barred": _fleets_barred}
    return [finding for setting in settings for finding in parts[setting.judged](setting, facts)]


def _whole(setting: Setting, facts: dict[str, Any]) -> list[Finding]:
    found = [*_file(setting.ruleset, facts), *_running(facts)]
    if facts["boot"] != "enabled":
        found.append(_fail("nftables.service", "enabled", facts["boot"]))
    return found or [Finding(outcome=Outcome.PASS, subject="ruleset", expected="declared", observed="declared")]


def _file(declared: str, facts: dict[str, Any]) -> Iterator[Finding]:
    if facts["file"] is None:
        yield _fail(_FILE, "the declared ruleset", _ABSENT)
    elif facts["file"] != declared:
        lines = difflib.unified_diff(
            declared.splitlines(), facts["file"].splitlines(), "declared", "found", n=0, lineterm=""
        )
        yield _fail(_FILE, "the declared ruleset", "\n".join(lines))


def _running(facts: dict[str, Any]) -> Iterator[Finding]:
    compiled: list[str] | None = facts["compiled"]
    if compiled is None:
        observed = facts["refused"]
        yield Finding(outcome=Outcome.ERROR, subject=_FILE, expected="a file that nft reads", observed=observed)
        return
    matcher = difflib.SequenceMatcher(None, compiled, facts["running"], autojunk=False)
    for change, first, last, seen_first, seen_last in matcher.get_opcodes():
        if change != "equal":
            yield from (_fail(rule, "present", "missing") for rule in compiled[first:last])
            yield from (_fail(rule, "absent", "running") for rule in facts["running"][seen_first:seen_last])


def _default_drop(_: Setting, facts: dict[str, Any]) -> list[Finding]:
    found = blocks(facts["listing"])
    return [_policy(hook, found) for hook in ("input", "forward", "output")]


def _policy(hook: str, found: Sequence[Block]) -> Finding:
    policies = [block.policy for block in found if block.hook == hook and block.table.startswith("inet ")]
    outcome = Outcome.PASS if "drop" in policies else Outcome.FAIL
    return Finding(outcome=outcome, subject=hook, expected="drop", observed=", ".join(policies) or _ABSENT)


def _fleets_barred(setting: Setting, facts: dict[str, Any]) -> list[Finding]:
    policy = _policy("input", blocks(facts["listing"]))
    try:
        firewall = read(json.loads(facts["meaning"]))
    except (ValueError, RecursionError, NotAFirewall) as error:
        return [Finding(outcome=Outcome.ERROR, subject="ruleset", expected="what nft prints", observed=str(error))]
    return [policy, *(_barred(fleet, firewall) for fleet in setting.fleets)]


def _barred(fleet: FleetAccess, firewall: Firewall) -> Finding:
    """Judge every packet of a fleet, whatever rules it meets; what may get in counts as getting in."""
    allowed = services_written(fleet.allowed)
    beyond = [
        f"{each.rule.place.text} ({each.packet.show()})"
        for network in (ip_network(fleet.ipv4), ip_network(fleet.ipv6))
        for each in admitted(firewall, network, allowed)
    ]
    wanted = ", ".join(fleet.allowed) or "nothing"
    outcome = Outcome.FAIL if beyond else Outcome.PASS
    return Finding(outcome=outcome, subject=fleet.fleet, expected=wanted, observed="\n".join(beyond) or wanted)


def _fail(subject: str, wanted: str, observed: str) -> Finding:
    return Finding(outcome=Outcome.FAIL, subject=subject, expected=wanted, observed=observed)
