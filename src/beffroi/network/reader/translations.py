"""What dnat, snat, masquerade and redirect write: addresses and ports, plain or found in a map. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from beffroi.network.firewall import LAST_ADDRESS, Family, Match, Translation, Unknown
from beffroi.network.intervals import Intervals
from beffroi.network.services import LAST_PORT, NUMBERS, PORTED, Box, Services, only

from .elements import referred
from .expressions import key_of, shown
from .matches import ANYTHING, Alternatives, conjunction, doubted
from .numbers import Scale, equal_to, span
from .refusals import NotModelled, malformed

if TYPE_CHECKING:
    from .statements import RuleBody

_SIDES: dict[str, Literal["source", "destination"]] = {
    "snat": "source",
    "masquerade": "source",
    "dnat": "destination",
    "redirect": "destination",
}
_RANDOM = frozenset({"random", "fully-random"})
_FAMILIES: dict[object, Family] = {"ip": 4, "ip6": 6}


def translations(name: str, about: Mapping[str, object], body: RuleBody) -> Iterator[tuple[Alternatives, Translation]]:
    """Yield what a nat statement writes, with the condition of each: one, or one an element of its map."""
    side, own = _SIDES[name], name in {"masquerade", "redirect"}
    family = _family(about, body)
    for condition, address, port in _targets(about, body):
        within: Alternatives = (Match(families=frozenset({family})),) if family and not own else ANYTHING
        if port is not None:
            within = conjunction(within, (Match(services=Services((Box(only(PORTED)),))),))
        addresses = None if address is None or family is None else _values(address, _scale(family))
        if address is not None and family is None:
            raise malformed(about)
        ports = None if port is None else _values(port, Scale(LAST_PORT))
        if ports is None and side == "source" and _RANDOM & set(_listed(about.get("flags"))):
            ports = NUMBERS
        yield conjunction(condition, within), Translation(side, addresses, ports, own=own)


def _family(about: Mapping[str, object], body: RuleBody) -> Family | None:
    if "family" in about:
        return _FAMILIES.get(about["family"])
    if len(body.setting.families) == 1:
        return next(iter(body.setting.families))
    return None


def _scale(family: Family) -> Scale:
    return Scale(LAST_ADDRESS[family], family=family)


def _values(written: object, scale: Scale) -> Intervals:
    """Return the numbers that may be written: all of them when the value is not modelled."""
    try:
        return (span(written, scale),)
    except NotModelled:
        return ((0, scale.top),)


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _targets(about: Mapping[str, object], body: RuleBody) -> Iterator[tuple[Alternatives, object, object]]:
    """Yield (condition, address, port)."""
    address, port = about.get("addr"), about.get("port")
    lookup = _lookup(address)
    if lookup is None:
        if _lookup(port) is None:
            yield ANYTHING, address, port
            return
        lookup = _lookup(port)
        for condition, found in _found(lookup or {}, body):
            yield condition, address, found
        return
    for condition, found in _found(lookup, body):
        both = found.get("concat") if isinstance(found, dict) else None
        if isinstance(both, list) and len(both) == 2:  # noqa: PLR2004 - address and port
            yield condition, both[0], both[1]
        else:
            yield condition, found, port


def _lookup(value: object) -> Mapping[str, object] | None:
    found = value.get("map") if isinstance(value, dict) else None
    return found if isinstance(found, dict) else None


def _found(lookup: Mapping[str, object], body: RuleBody) -> Iterator[tuple[Alternatives, object]]:
    elements = referred(lookup.get("data"), body.sets, body.budget)
    key = lookup.get("key")
    if elements is None:
        raise malformed(lookup)
    together = isinstance(key, dict) and "concat" in key
    parts = key["concat"] if isinstance(key, dict) and together else [key]
    keys = [key_of(part, body.setting) for part in parts]
    if elements.changing:
        doubt = Unknown(shown(lookup))
        yield doubted(conjunction(*(one.readable() for one in keys)), doubt), {"map": lookup}
        return
    for each in elements.members:
        values = each.value["concat"] if together and isinstance(each.value, dict) else [each.value]
        if not isinstance(values, list) or len(values) != len(keys):
            raise malformed(each.value)
        tests = zip(keys, values, strict=True)
        yield conjunction(*(one.matching(equal_to(value)) for one, value in tests)), each.leads_to
