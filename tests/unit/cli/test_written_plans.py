"""`gate --plan`, and `apply PLAN` as far as it goes without a lab: what refuses before anything is asked of a stack."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from repositories import TOWN, TownRepository, town_repository

from beffroi import declaration
from beffroi.cli.verbs import program
from beffroi.errors import InvalidInput, RefusedPlan
from beffroi.plan import Plan, Step, make_plan
from beffroi.records import read_decision, read_plan, write_plan

pytestmark = pytest.mark.slow

CITY = f"{TOWN}/city.yml"
LAST_FLOW = "  - {name: sensors-to-time"
SHORTCUT = "  - {name: shortcut, from: sensors-on-poles, to: log, service: ssh, purpose: {fr: x, en: x}}\n"
STEP = Step(operation="update", type="beffroi:lab:Machine", name="log", changes=("links",))
Runs = Callable[..., int]


@pytest.fixture(name="made")
def _made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TownRepository:
    made = town_repository(tmp_path / "repository")
    monkeypatch.chdir(made.folder)
    monkeypatch.setenv("BEFFROI_LANG", "en")
    monkeypatch.setenv("BEFFROI_STATE", str(tmp_path / "state"))
    return made


@pytest.fixture(name="file")
def _file(made: TownRepository, tmp_path: Path) -> Path:
    """The file of a plan of the town as it is, with one step, as a preview would have given it."""
    town = declaration.load(made.town)
    plan = make_plan(town.city, town.desired, "hamlet", [STEP], folder=town.place, profile=town.profile)
    write_plan(tmp_path / "plan.json", plan)
    return tmp_path / "plan.json"


def run(*words: object) -> int:
    done = CliRunner().invoke(program, [str(word) for word in words], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    code: int = done.return_value
    return code


def gate(file: Path) -> int:
    return run("gate", "--plan", file, "--decision", file.with_suffix(".decision.json"), TOWN)


def _with(file: Path, **changes: object) -> None:
    plan: Plan = read_plan(file).model_copy(update=changes)
    write_plan(file, plan)


def test_the_gate_decides_on_the_very_plan(file: Path) -> None:
    assert gate(file) == 0
    decision = read_decision(file.with_suffix(".decision.json"))
    assert (decision.plan, decision.accepted) == (read_plan(file).digest, True)


def test_the_gate_names_the_steps_of_the_plan(file: Path) -> None:
    done = CliRunner().invoke(program, ["gate", "--plan", str(file), "--json", TOWN], standalone_mode=False)
    assert json.loads(done.stdout)[0]["steps"] == ["update Machine log"]


def test_the_files_are_read_once_to_judge_a_plan(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, asked = declaration.load, []

    def load(folder: Path, **named: Any) -> declaration.Declaration:  # noqa: ANN401 - as it is called
        asked.append(folder.name)
        return read(folder, **named)

    monkeypatch.setattr(declaration, "load", load)
    gate(file)
    assert asked == ["hamlet"]


def test_the_gate_refuses_a_plan_that_the_files_no_longer_make(made: TownRepository, file: Path) -> None:
    made.edit(CITY, LAST_FLOW, SHORTCUT + LAST_FLOW)
    with pytest.raises(RefusedPlan, match="no longer fits: declaration, settings, rulesets"):
        gate(file)


def test_a_decision_does_not_outlive_files_with_mistakes(made: TownRepository, file: Path) -> None:
    gate(file)
    made.edit(CITY, LAST_FLOW, "  - nonsense\n" + LAST_FLOW)
    assert gate(file) == 1
    assert not file.with_suffix(".decision.json").exists()


def test_a_decision_is_about_one_town(made: TownRepository, file: Path) -> None:
    (made.folder / "inventory" / "other").mkdir()
    (made.folder / "inventory" / "other" / "city.yml").write_text("nonsense: true\n")
    with pytest.raises(click.UsageError, match="one town"):
        run("gate", "--plan", file)


def test_a_plan_without_a_decision_is_not_applied(file: Path) -> None:
    with pytest.raises(RefusedPlan, match="no decision approves this plan"):
        run("apply", "--yes", file)


def test_a_plan_that_the_gate_refused_is_not_applied(made: TownRepository, file: Path) -> None:
    made.edit(CITY, LAST_FLOW, SHORTCUT + LAST_FLOW)
    town = declaration.load(made.town)
    write_plan(file, make_plan(town.city, town.desired, "hamlet", [STEP], folder=town.place, profile=town.profile))
    assert gate(file) == 1
    with pytest.raises(RefusedPlan, match=r"refused this plan: .*network/ssh-through-the-bastion"):
        run("apply", "--yes", file)


def test_a_decision_on_another_plan_approves_nothing(file: Path) -> None:
    gate(file)
    _with(file, steps=())
    with pytest.raises(RefusedPlan, match="the decision is about plan"):
        run("apply", "--yes", file)


def test_a_policy_that_is_stricter_since_the_decision_is_asked(made: TownRepository, file: Path) -> None:
    gate(file)
    policy = made.folder / "policies" / "network" / "ssh-through-the-bastion.yml"
    text = policy.read_text()
    assert "roles: [bastion, backup]" in text
    policy.write_text(text.replace("roles: [bastion, backup]", "roles: [backup]"))
    with pytest.raises(RefusedPlan, match="today's policies refuse what the decision accepted"):
        run("apply", "--yes", file)


def test_an_edited_file_refuses_before_any_stack_is_asked(made: TownRepository, file: Path, tmp_path: Path) -> None:
    gate(file)
    made.edit(CITY, LAST_FLOW, SHORTCUT + LAST_FLOW)
    with pytest.raises(RefusedPlan, match="no longer fits: declaration, settings, rulesets"):
        run("apply", "--yes", file)
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(("option", "part"), [("--stack", "stack"), ("--profile", "profile")])
def test_a_plan_of_another_stack_or_profile_does_not_fit(
    made: TownRepository, file: Path, option: str, part: str
) -> None:
    profiles = made.folder / "compliance" / "profiles"
    (profiles / "other.yml").write_text((profiles / "town.yml").read_text())
    with pytest.raises(RefusedPlan, match=rf"no longer fits: {part} \("):
        run("apply", "--yes", option, "other", file)


@pytest.mark.parametrize("folder", ["", "/etc", "../secrets", "inventory/../../etc", "a\nb"])
def test_a_plan_leads_to_no_folder_outside_of_the_content(file: Path, folder: str) -> None:
    _with(file, folder=folder)
    with pytest.raises(InvalidInput, match="names no folder inside the content"):
        run("apply", "--yes", file)


def test_a_plan_does_not_follow_a_link_out_of_the_content(made: TownRepository, file: Path, tmp_path: Path) -> None:
    (made.folder / "inventory" / "link").symlink_to(tmp_path)
    _with(file, folder="inventory/link")
    with pytest.raises(InvalidInput, match="names no folder inside the content"):
        run("apply", "--yes", file)


def test_a_plan_of_a_town_that_is_gone_says_so(file: Path) -> None:
    _with(file, folder="inventory/gone")
    with pytest.raises(InvalidInput, match="there is no folder inventory/gone"):
        run("apply", "--yes", file)


def test_a_decision_without_a_plan_is_no_command(made: TownRepository, file: Path) -> None:
    with pytest.raises(click.UsageError, match="goes with a plan"):
        run("apply", "--yes", "--decision", file, made.town)


def test_a_plan_of_a_town_outside_of_the_content_is_not_written(made: TownRepository, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "city.yml").write_text((made.town / "city.yml").read_text())
    with pytest.raises(InvalidInput, match="outside of the content"):
        run("plan", "--root", made.folder, "--out", tmp_path / "new.json", tmp_path / "elsewhere")
    assert not (tmp_path / "new.json").exists()
