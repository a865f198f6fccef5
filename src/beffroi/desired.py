"""The desired state: for each machine, each control that holds there and the settings that it asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from beffroi import kinds
from beffroi.city import City
from beffroi.control import Control
from beffroi.errors import InvalidInput
from beffroi.kinds import KindModel, SettingModel, Site
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
        return _united(self.of_host(host), {})

    def all_settings(self) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """Return the settings of every machine, in one walk through the checks."""
        checks: dict[str, list[Check]] = {}
        for check in self.checks:
            checks.setdefault(check.host, []).append(check)
        texts: dict[int, str] = {}
        return {host: _united(of_host, texts) for host, of_host in checks.items()}


def _united(checks: Iterable[Check], texts: dict[int, str]) -> dict[str, list[dict[str, Any]]]:
    """Return each setting once, by kind; `texts` keeps the text of those that several machines share."""
    united: dict[str, dict[str, dict[str, Any]]] = {}
    for check in checks:
        known = united.setdefault(check.kind, {})
        for setting in check.settings:
            if (text := texts.get(id(setting))) is None:
                text = texts[id(setting)] = repr(sorted(setting.items()))
            known.setdefault(text, setting)
    return {kind: list(known.values()) for kind, known in united.items()}


@dataclass(frozen=True)
class _Asked:
    """What one control asks of one machine."""

    control: Control
    settings: tuple[SettingModel, ...]


def derive(city: City, controls: Mapping[str, Control]) -> DesiredState:
    """Return what `controls` ask of every machine of `city`; raise InvalidInput when two contradict each other."""
    validated = [
        (control, kinds.load(control.kind).Params.model_validate(control.params)) for control in controls.values()
    ]
    plain = _Plain()
    checks: list[Check] = []
    for name, machine in city.machines().items():
        site = Site(name=name, machine=machine, city=city)
        asked = [each for control, params in validated if (each := _asked(control, params, site))]
        _refuse_contradictions(name, asked)
        checks += [
            # Made of what the kinds' own models hold: not validated once more, a hundred times for each machine.
            Check.model_construct(
                host=name,
                control=each.control.id,
                kind=each.control.kind,
                settings=tuple(plain.of(each.control.kind, setting) for setting in each.settings),
            )
            for each in _completed(asked)
        ]
    return DesiredState.model_construct(checks=tuple(checks))


class _Plain:
    """Settings as plain JSON, one value for all machines that are held to the same setting."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, SettingModel], dict[str, Any]] = {}

    def of(self, kind: str, setting: SettingModel) -> dict[str, Any]:
        """Return a setting as plain JSON."""
        try:
            known = self._known.get((kind, setting))
        except TypeError:  # a setting that holds a dictionary has no hash
            return setting.model_dump(mode="json")
        if known is None:
            known = self._known[kind, setting] = setting.model_dump(mode="json")
        return known


def _asked(control: Control, params: KindModel, site: Site) -> _Asked | None:
    if not control.applies.to(site):
        return None
    settings = kinds.load(control.kind).expected(params, site)
    return _Asked(control, tuple(settings)) if settings else None


def _completed(asked: list[_Asked]) -> list[_Asked]:
    """Return what is asked of a machine, those settings completed that depend on all that the machine is held to."""
    if not any(hasattr(kinds.load(each.control.kind), "completed") for each in asked):
        return asked
    of_kinds: dict[str, dict[str, SettingModel]] = {}
    for each in asked:
        known = of_kinds.setdefault(each.control.kind, {})
        for setting in each.settings:
            known.setdefault(setting.key, setting)
    united = {kind: list(settings.values()) for kind, settings in of_kinds.items()}
    return [_complete(each, united) for each in asked]


def _complete(each: _Asked, asked: Mapping[str, Sequence[SettingModel]]) -> _Asked:
    complete = getattr(kinds.load(each.control.kind), "completed", None)
    if complete is None:
        return each
    return _Asked(each.control, tuple(complete(setting, asked) for setting in each.settings))


def _refuse_contradictions(host: str, asked: list[_Asked]) -> None:
    seen: dict[tuple[str, str], tuple[str, SettingModel]] = {}
    for each in asked:
        for setting in each.settings:
            key = (each.control.kind, setting.key)
            other, value = seen.setdefault(key, (each.control.id, setting))
            if value != setting:
                raise InvalidInput(
                    say("desired-contradiction", subject=key[1], first=other, second=each.control.id),
                    where=host,
                    hint=say("desired-contradiction-hint"),
                )
