"""The desired state: for each machine, each control that holds there and the settings that it asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
    """What one control asks of one machine; `plain` are the settings as plain JSON, where all machines share them."""

    control: Control
    settings: tuple[SettingModel, ...]
    plain: tuple[dict[str, Any], ...] | None = None


_Settings = Mapping[str, Mapping[str, SettingModel]]
"""The settings that a machine is held to, by kind and key."""


class _Asking:
    """A control with its kind, ready to be asked of every machine."""

    def __init__(self, control: Control, plain: _Plain) -> None:
        self.control, self._plain = control, plain
        self._kind = kinds.load(control.kind)
        self._params = self._kind.Params.model_validate(control.params)
        self.completed = getattr(self._kind, "completed", None)
        self._everywhere: _Asked | None = None
        # Whatever machine it is: most controls of a town are worked out once, and not a thousand times.
        self._shared = bool(getattr(self._kind, "EVERYWHERE", False)) and self.completed is None

    def of(self, site: Site) -> _Asked | None:
        """Return what the control asks of a machine, None where it asks nothing."""
        if not self.control.applies.to(site):
            return None
        if self._everywhere is not None:
            return self._everywhere
        settings = tuple(self._kind.expected(self._params, site))
        if not settings:
            return None
        if self._shared:
            self._everywhere = _Asked(self.control, settings, self._dumped(settings))
            return self._everywhere
        return _Asked(self.control, settings)

    def check(self, host: str, asked: _Asked, held: _Settings) -> Check:
        """Return what is asked of a machine as a check of it; `held` is all that the machine is held to."""
        settings = asked.plain
        if settings is None:
            settings = self._dumped(self._complete(asked.settings, held))
        # Made of what the kinds' own models hold: not validated once more, a hundred times for each machine.
        return Check.model_construct(host=host, control=self.control.id, kind=self.control.kind, settings=settings)

    def _complete(self, settings: tuple[SettingModel, ...], held: _Settings) -> tuple[SettingModel, ...]:
        """Return the settings, those completed that depend on all that the machine is held to."""
        if self.completed is None:
            return settings
        united = {kind: list(by_key.values()) for kind, by_key in held.items()}
        return tuple(self.completed(setting, united) for setting in settings)

    def _dumped(self, settings: tuple[SettingModel, ...]) -> tuple[dict[str, Any], ...]:
        return tuple(self._plain.of(self.control.kind, setting) for setting in settings)


def derive(city: City, controls: Mapping[str, Control]) -> DesiredState:
    """Return what `controls` ask of every machine of `city`; raise InvalidInput when two contradict each other."""
    plain = _Plain()
    askings = [_Asking(control, plain) for control in controls.values()]
    checks: list[Check] = []
    for name, machine in city.machines().items():
        site = Site(name=name, machine=machine, city=city)
        asked = [(asking, found) for asking in askings if (found := asking.of(site))]
        held = _agreed(name, [found for _, found in asked])
        checks += [asking.check(name, found, held) for asking, found in asked]
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


def _agreed(host: str, asked: Iterable[_Asked]) -> _Settings:
    """Return all that is asked of a machine; raise InvalidInput where two controls contradict each other."""
    seen: dict[str, dict[str, SettingModel]] = {}
    asking: dict[tuple[str, str], str] = {}
    for each in asked:
        of_kind = seen.setdefault(each.control.kind, {})
        for setting in each.settings:
            key = setting.key
            value = of_kind.setdefault(key, setting)
            if value is setting:
                asking.setdefault((each.control.kind, key), each.control.id)
            elif value != setting:
                raise InvalidInput(
                    say(
                        "desired-contradiction",
                        subject=key,
                        first=asking[each.control.kind, key],
                        second=each.control.id,
                    ),
                    where=host,
                    hint=say("desired-contradiction-hint"),
                )
    return seen
