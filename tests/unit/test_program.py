"""The program of `stacks/city` declares the town that `beffroi apply` would: remedies made, and told."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from repositories import CHECKOUT

from beffroi import program
from beffroi.city import City

HAMLET = (CHECKOUT / "tests" / "cases" / "hamlet" / "city.yml").read_text("utf-8")


@pytest.fixture(name="declared")
def _declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[City], list[str]]:
    """Run the program on the hamlet with an open store, without Pulumi; return what it declares, and its warnings."""
    cities: list[City] = []
    warnings: list[str] = []

    def declare(city: City, *_: Any) -> None:  # noqa: ANN401 - the state and the waivers are not looked at
        cities.append(city)

    for folder in ("compliance", "policies"):
        shutil.copytree(CHECKOUT / folder, tmp_path / folder)
    town = tmp_path / "inventory" / "hamlet"
    town.mkdir(parents=True)
    (town / "city.yml").write_text(HAMLET.replace('mode: "0750"', 'mode: "0755"'), "utf-8")
    monkeypatch.setenv("BEFFROI_LANG", "en")
    monkeypatch.setenv("BEFFROI_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(program, "declare_city", declare)
    monkeypatch.setattr(program.pulumi, "Config", lambda _: SimpleNamespace(get=lambda _: str(town)))
    monkeypatch.setattr(program.pulumi, "get_stack", lambda: "hamlet")
    monkeypatch.setattr(program.pulumi, "warn", warnings.append)
    program.run()
    return cities, warnings


def test_what_pulumi_is_told_is_the_remedied_town(declared: tuple[list[City], list[str]]) -> None:
    [city], [warning] = declared
    assert city.hosts["log"].stores["records"].mode == "0750"
    assert 'hosts.log.stores.records.mode: planned with "0750" instead of "0755"' in warning
