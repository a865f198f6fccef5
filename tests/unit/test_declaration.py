import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from beffroi import declaration
from beffroi.city import City
from beffroi.errors import InvalidCity, InvalidInput

ROOT = Path(__file__).parents[2]
TOWN = ROOT / "inventory" / "bourg-sur-gave"


def _with_roles(city: City, **roles: list[str]) -> City:
    plain = city.model_dump(mode="json", by_alias=True)
    for name, played in roles.items():
        plain["hosts"][name]["roles"] = played
    return City.model_validate(plain)


def test_the_content_is_found_above_the_town() -> None:
    assert declaration.content_root(TOWN) == ROOT


def test_a_town_far_from_any_content_is_told_to_name_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput) as refused:
        declaration.load(tmp_path)
    assert "--root" in str(refused.value.hint)


def test_a_town_in_a_repository_of_its_own_takes_the_content_that_is_named(tmp_path: Path) -> None:
    town = shutil.copytree(TOWN, tmp_path / "town")
    assert declaration.load(town, root=ROOT).desired == declaration.load(TOWN).desired


def test_a_profile_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidCity):
        declaration.load(TOWN, profile="nobody")


def test_mistakes_in_every_part_are_told_at_once(tmp_path: Path) -> None:
    town = shutil.copytree(TOWN, tmp_path / "inventory" / "town")
    shutil.copytree(ROOT / "compliance", tmp_path / "compliance")
    (town / "flows.yml").write_text("nonsense: true\n")
    (town / "waivers.yml").write_text("waivers: 3\n")
    (tmp_path / "compliance" / "profiles" / "town.yml").write_text("title: 3\n")
    with pytest.raises(InvalidCity) as refused:
        declaration.load(town, shown_as="town")
    files = {problem.file for problem in refused.value.problems}
    assert files == {"town/flows.yml", "town/waivers.yml", "compliance/profiles/town.yml"}


def test_the_bastion_is_the_host_of_that_role(small_town: Callable[..., City]) -> None:
    assert declaration.bastion(_with_roles(small_town(), logs=["bastion"])) == "logs"


def test_a_town_without_a_way_in_is_told_to_declare_one(small_town: Callable[..., City]) -> None:
    with pytest.raises(InvalidInput) as refused:
        declaration.bastion(small_town())
    assert "bastion" in str(refused.value.hint)


def test_the_package_mirror_comes_first(small_town: Callable[..., City]) -> None:
    town = _with_roles(small_town(), app=["package-mirror"])
    assert declaration.stages(town)[0] == ["app"]


def test_what_stands_beside_the_bastion_comes_before_what_stands_behind_a_gateway(
    small_town: Callable[..., City],
) -> None:
    stages: list[Any] = [set(stage) for stage in declaration.stages(small_town())]
    assert stages == [set(), {"edge", "bastion", "logs"}, {"core"}, {"app", "db"}]


def test_what_keeps_copies_comes_after_what_it_copies(small_town: Callable[..., City]) -> None:
    stages: list[Any] = [set(stage) for stage in declaration.stages(_with_roles(small_town(), db=["backup"]))]
    assert stages[-2:] == [{"app"}, {"db"}]


def test_every_machine_is_configured_in_one_stage_and_one_only(small_town: Callable[..., City]) -> None:
    town = _with_roles(small_town(), logs=["package-mirror"])
    staged = [name for stage in declaration.stages(town) for name in stage]
    assert sorted(staged) == sorted(town.machines())


def test_the_certificate_authority_comes_before_what_stands_beside_it_and_the_mirror_comes_again(
    small_town: Callable[..., City],
) -> None:
    town = _with_roles(small_town(), logs=["package-mirror"], bastion=["certificate-authority"])
    stages: list[Any] = [set(stage) for stage in declaration.stages(town)]
    assert stages == [{"logs"}, {"bastion"}, {"edge"}, {"core"}, {"app", "db"}, {"logs"}]


def test_a_certificate_authority_behind_a_gateway_has_all_that_came_before_it_come_again(
    small_town: Callable[..., City],
) -> None:
    stages: list[Any] = [set(it) for it in declaration.stages(_with_roles(small_town(), db=["certificate-authority"]))]
    assert stages == [
        set(),
        {"edge", "bastion", "logs"},
        {"core"},
        {"db"},
        {"app"},
        {"edge", "bastion", "logs", "core"},
    ]
