"""The register states each content of article 30, or says that it is missing and where to declare it."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from beffroi import declaration
from beffroi.messages import LANGUAGES, catalogue
from beffroi.register import build
from beffroi.register.model import Entry, Register, State

ROOT = Path(__file__).parents[3]
TODAY = date(2026, 11, 26)
CONTROLLER = ("a", "a", "a", "a", "a", "b", "c", "c", "d", "e", "f", "g")
PROCESSOR = ("a", "a", "a", "a", "a", "a", "b", "c", "d")


def register_of(folder: Path) -> Register:
    return build(declaration.load(folder, root=ROOT), None, TODAY)


@pytest.fixture(name="reference", scope="module")
def _reference() -> Register:
    return register_of(ROOT / "inventory" / "bourg-sur-gave")


@pytest.fixture(name="minimal")
def _minimal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "tests" / "cases" / "minimal", tmp_path / "petit-bourg")
    monkeypatch.chdir(tmp_path)
    return Path("petit-bourg")


def entry_of(register: Register, name: str) -> Entry:
    return next(entry for entry in register.entries if entry.name == name)


def missing_in(folder: Path) -> dict[str, str]:
    [entry] = register_of(folder).entries
    return {content.field: content.spot.removeprefix(f"{folder.as_posix()}/") for content in entry.missing()}


def edit(folder: Path, find: str, replace: str) -> None:
    path = folder / "city.yml"
    text = path.read_text("utf-8")
    assert find in text
    path.write_text(text.replace(find, replace, 1), "utf-8")


def test_a_controllers_entry_has_every_content_from_a_to_g(reference: Register) -> None:
    entry = entry_of(reference, "school-canteen")
    provisions = [each.provision for each in entry.contents if each.provision.startswith("30")]
    assert provisions == [f"30(1)({letter})" for letter in CONTROLLER]


def test_a_processors_entry_has_every_content_from_a_to_d(reference: Register) -> None:
    entry = entry_of(reference, "social-aid")
    provisions = [each.provision for each in entry.contents if each.provision.startswith("30")]
    assert provisions == [f"30(2)({letter})" for letter in PROCESSOR]


def test_each_activity_stands_under_the_paragraph_of_its_role(reference: Register) -> None:
    assert [entry.name for entry in reference.of_form("processor")] == ["social-aid"]
    assert len(reference.of_form("controller")) == 5


def test_nothing_is_missing_in_the_reference_city(reference: Register) -> None:
    assert [content for entry in reference.entries for content in entry.missing()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_content_has_a_name_in_each_language(reference: Register, language: str) -> None:
    names = {content.name for entry in reference.entries for content in entry.contents}
    assert {f"register-content-{name}" for name in names} <= set(catalogue(language))


def test_what_is_missing_is_said_with_its_file_and_line(minimal: Path) -> None:
    assert missing_in(minimal) == {
        "town.controller_contact": "city.yml:2",
        "functions.privacy.contact": "city.yml:11",
    }


def test_recipients_are_missing_where_neither_they_nor_processors_are_named(minimal: Path) -> None:
    edit(minimal, "    processors: [{name: Hébergeur du Gave, country: FR}]\n", "")
    assert missing_in(minimal)["processing.civil-status.recipients"] == "city.yml:73"


def test_a_processor_who_serves_nobody_lacks_its_controllers(minimal: Path) -> None:
    edit(
        minimal, "    responsible: it\n    data_subjects", "    responsible: it\n    role: processor\n    data_subjects"
    )
    assert missing_in(minimal)["processing.civil-status.controllers"] == "city.yml:73"


def test_a_controller_without_an_address_is_said_at_its_own_line(minimal: Path) -> None:
    served = "role: processor\n    controllers:\n      - {name: CCAS, contact: ccas@x.example}\n      - {name: SIVU}\n"
    edit(minimal, "    responsible: it\n    data_subjects", f"    responsible: it\n    {served}    data_subjects")
    assert missing_in(minimal)["processing.civil-status.controllers.1.contact"] == "city.yml:81"


def test_joint_controllers_are_named_with_their_contact(minimal: Path) -> None:
    joint = "joint_controllers: [{name: Agglomération, contact: dpd@agglo.example}]\n"
    edit(minimal, "    responsible: it\n    data_subjects", f"    responsible: it\n    {joint}    data_subjects")
    [entry] = register_of(minimal).entries
    [content] = [each for each in entry.contents if each.name == "joint-controllers"]
    assert (content.state, content.values[0].fr) == (State.STATED, "Agglomération ; dpd@agglo.example")


def test_a_transfer_names_its_country_and_what_covers_it(minimal: Path) -> None:
    edit(
        minimal,
        "    stores: [requests]",
        "    transfers: [{recipient: {fr: Ville jumelée, en: Twin town}, country: CA, "
        "guarantee: {fr: Décision d'adéquation, en: Adequacy decision}}]\n    stores: [requests]",
    )
    [entry] = register_of(minimal).entries
    [content] = [each for each in entry.contents if each.name == "transfers"]
    assert content.values[0].en == "Twin town, CA, covered by: Adequacy decision"


def test_what_goes_to_a_neighbour_in_the_union_is_no_transfer(reference: Register) -> None:
    [content] = [each for each in entry_of(reference, "district-sensors").contents if each.name == "transfers"]
    assert content.state == State.NONE


def test_a_category_with_a_limit_of_its_own_states_it_and_that_nothing_looks_at_it(reference: Register) -> None:
    [content] = [each for each in entry_of(reference, "civil-status").contents if each.name == "limits"]
    assert content.values[1].en.startswith("Copy of an identity document: 30 days (declared; no control")


def test_missing_contents_end_with_1(minimal: Path) -> None:
    assert register_of(minimal).exit_code == 1


def test_a_town_that_was_never_verified_ends_with_2(reference: Register) -> None:
    assert reference.exit_code == 2
