"""The mechanisms: one kind a file, each a module of the same name as its role in `roles/`.

A kind module defines

* `Params`: what a control of this kind may say (a `KindModel`);
* `Setting`: one thing to be so on a host (a `SettingModel`); the role takes the list of them as `<kind>_settings`;
* `expected(params, site) -> list[Setting]`: pure, from a control's parameters and the city;
* `observe(host, settings) -> dict`: looks at a live host through testinfra's API alone, deterministic, never writes;
  returns plain JSON facts; raises `CouldNotLook` when it could not look;
* `judge(settings, facts) -> list[Finding]`: pure; one finding a setting at least;
* `completed(setting, asked) -> Setting`, of the rare kind whose settings depend on all that a machine is held to: pure;
  `asked` gives every kind's settings, its own not completed yet;
* `EVERYWHERE = True`, where `expected` looks at `params` alone: it is then asked once for all machines;
* `MEANS`, where a pass need not tell some values of a setting from others: their names, and why (beffroi.coverage);
* `UNENFORCED`, of the rare kind whose role changes nothing, since people alone can: why. What undoes its
  sabotages in tests is the role's `tasks/undo.yml`;
* `NOT_IN_THE_LAB`, of one that no machine of the lab can show: why its verdicts there are `notapplicable` alone, so
  that it has no sabotage;
* `weakened(before, after) -> bool | None`: pure; whether the second `Params` ask for less than the first; None where
  that cannot be told. A kind without it cannot tell about any change.

`load(name)` imports a kind by its name; `names()` lists them all.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, cast

from pydantic import BaseModel, ConfigDict

from beffroi.city import City, Gateway, Host

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

    from beffroi.verdict import Finding


class KindModel(BaseModel):
    """A frozen value without unknown fields, as all of a kind's models are."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SettingModel(KindModel):
    """One thing to be so on a host."""

    @property
    def key(self) -> str:
        """Return what the setting is about, such as `PermitRootLogin`: two settings of one key must agree."""
        raise NotImplementedError


@dataclass(frozen=True)
class Site:
    """Where a control applies: one machine of one city."""

    name: str
    machine: Host | Gateway
    city: City

    @property
    def is_gateway(self) -> bool:
        """Tell whether the machine routes between segments."""
        return isinstance(self.machine, Gateway)


class Kind(Protocol):
    """The face of a kind module."""

    Params: type[KindModel]
    Setting: type[SettingModel]

    def expected(self, params: Any, site: Site) -> Sequence[SettingModel]:  # noqa: ANN401 - each kind types its own
        """Return the settings that hold on `site` under `params`."""
        ...

    def observe(self, host: LiveHost, settings: Sequence[Any]) -> dict[str, Any]:
        """Look at a live host; raise CouldNotLook when it could not."""
        ...

    def judge(self, settings: Sequence[Any], facts: dict[str, Any]) -> list[Finding]:
        """Compare what should be with what was seen."""
        ...


@cache
def names() -> list[str]:
    """Return every kind's name, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


@cache
def load(name: str) -> Kind:
    """Import the kind `name`; raise KeyError when there is none."""
    if name not in names():
        raise KeyError(name)
    return cast("Kind", importlib.import_module(f"{__name__}.{name}"))


def weakened(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool | None:
    """Tell whether a control of the kind `name` asks for less with the values `after` than with those `before`.

    None: the values differ, and cannot be ordered. Raise ValidationError when they are not the kind's.
    """
    kind = load(name)
    old, new = kind.Params.model_validate(before), kind.Params.model_validate(after)
    if old == new:
        return False
    order = getattr(kind, "weakened", None)
    return None if order is None else cast("bool | None", order(old, new))
