"""The desired state: for each machine, each control that holds there and the settings that it asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from beffroi import kinds
from beffroi.city import City
from beffroi.control import Control
from beffroi.errors import InvalidInput
from beffroi.kinds import SettingModel, Site
from beffroi.messages import say
from beffroi.verdict import Frozen


class Check(Frozen):
    """One control on one machine, and the settings that it asks for (each a kind's `Setting` as plain JSON)."""

    host: str
    control: str
    kind: str
    settings: tuple[dict[str, Any], ...]


class DesiredState(Frozen):
    """Every check of the town. One source of values: the roles enforce these settings, the checks expect them."""

    checks: tuple[Check, ...]

    def hosts(self) -> list[str]:
        """Return the machines' names, in the order in which they are to be configured."""
        return list(dict.fromkeys(check.host for check in self.checks))

    def of_host(self, host: str) -> list[Check]:
        """Return the checks of `host`."""
        return [check for check in self.checks if check.host == host]

    def settings(self, host: str) -> dict[str, list[dict[str, Any]]]:
        """Return, for each kind, the union of the settings that its controls ask of `host`."""
        return _united(self.of_host(host))

    def all_settings(self) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """Return the settings of every machine, in one walk through the checks."""
        checks: dict[str, list[Check]] = {}
        for check in self.checks:
            checks.setdefault(check.host, []).append(check)
        return {host: _united(of_host) for host, of_host in checks.items()}


def _united(checks: Iterable[Check]) -> dict[str, list[dict[str, Any]]]:
    united: dict[str, dict[str, dict[str, Any]]] = {}
    for check in checks:
        known = united.setdefault(check.kind, {})
        for setting in check.settings:
            known.setdefault(repr(sorted(setting.items())), setting)
    return {kind: list(known.values()) for kind, known in united.items()}


def derive(city: City, controls: Mapping[str, Control]) -> DesiredState:
    """Return what `controls` ask of every machine of `city`; raise InvalidInput when two contradict each other."""
    checks: list[Check] = []
    for name, machine in city.machines().items():
        site = Site(name=name, machine=machine, city=city)
        own = _completed([check for control in controls.values() if (check := _check(control, site))])
        _refuse_contradictions(name, own)
        checks += own
    return DesiredState(checks=tuple(checks))


def _check(control: Control, site: Site) -> Check | None:
    if not control.applies.to(site):
        return None
    kind = kinds.load(control.kind)
    settings = kind.expected(kind.Params.model_validate(control.params), site)
    if not settings:
        return None
    plain = tuple(setting.model_dump(mode="json") for setting in settings)
    return Check(host=site.name, control=control.id, kind=control.kind, settings=plain)


def _completed(checks: list[Check]) -> list[Check]:
    """Return a machine's checks, those settings completed that depend on all that the machine is held to."""
    if not any(hasattr(kinds.load(check.kind), "completed") for check in checks):
        return checks
    asked = {kind: [_typed(kind, it) for it in settings] for kind, settings in _united(checks).items()}
    return [_complete(check, asked) for check in checks]


def _complete(check: Check, asked: Mapping[str, Sequence[SettingModel]]) -> Check:
    complete = getattr(kinds.load(check.kind), "completed", None)
    if complete is None:
        return check
    settings = [complete(_typed(check.kind, setting), asked) for setting in check.settings]
    return check.model_copy(update={"settings": tuple(setting.model_dump(mode="json") for setting in settings)})


def _typed(kind: str, setting: Mapping[str, Any]) -> SettingModel:
    return kinds.load(kind).Setting.model_validate(setting)


def _refuse_contradictions(host: str, checks: list[Check]) -> None:
    seen: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
    for check in checks:
        for setting in check.settings:
            key = (check.kind, _typed(check.kind, setting).key)
            other, value = seen.setdefault(key, (check.control, setting))
            if value != setting:
                raise InvalidInput(
                    say("desired-contradiction", subject=key[1], first=other, second=check.control),
                    where=host,
                    hint=say("desired-contradiction-hint"),
                )
