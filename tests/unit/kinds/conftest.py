from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from beffroi.city import City, Host
from beffroi.kinds import Site

MARK = "@@beffroi "
TEXT = {"fr": "un texte", "en": "a text"}


@dataclass
class Answer:
    stdout: str
    rc: int = 0
    stderr: str = ""


@dataclass
class ScriptedHost:
    """A live host that answers what a test says, and remembers what it was asked."""

    answer: Answer
    asked: list[str] = field(default_factory=list)

    def run(self, command: str) -> Answer:
        self.asked.append(command)
        return self.answer


@pytest.fixture
def host_that_says() -> Callable[..., ScriptedHost]:
    def make(text: str = "", /, *, rc: int = 0, stderr: str = "", **sections: str) -> ScriptedHost:
        marked = "".join(f"{MARK}{name}\n{output}" for name, output in sections.items())
        return ScriptedHost(Answer(text + marked, rc, stderr))

    return make


def _host(number: int, roles: list[str], stores: dict[str, object]) -> dict[str, object]:
    interface = {"ipv4": f"192.0.2.{number}", "ipv6": f"2001:db8::{number}"}
    return {
        "label": TEXT,
        "os": "debian-12",
        "roles": roles,
        "interfaces": {"servers": interface},
        "stores": stores,
        "responsible": "it",
    }


@pytest.fixture
def site_of() -> Callable[[str], Site]:
    """Give the site of one of a small city's machines: `app` keeps a store, `mirror` serves packages."""
    store = {"label": TEXT, "path": "/srv/civil", "owner": "civil", "group": "civil", "mode": "0750"}
    city = City.model_validate(
        {
            "town": {
                "name": "bourg",
                "label": TEXT,
                "population": 5,
                "controller": "Bourg",
                "data_protection_officer": "dpo",
            },
            "functions": {},
            "segments": {},
            "services": {},
            "hosts": {"app": _host(20, ["application"], {"files": store}), "mirror": _host(11, ["package-mirror"], {})},
        }
    )

    def make(name: str) -> Site:
        machine = city.machines()[name]
        assert isinstance(machine, Host)
        return Site(name=name, machine=machine, city=city)

    return make
