"""`beffroi register` writes its files whole, and tells first what it could not prove."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from beffroi.cli.verbs import program
from beffroi.errors import InvalidInput

ROOT = Path(__file__).parents[3]
TOWN = "inventory/hamlet"
FILES = {
    "index.html",
    "activity-readings.html",
    "activity-records.html",
    "activity-requests.html",
    "controller.en.csv",
    "controller.fr.csv",
    "security.en.csv",
    "security.fr.csv",
    "register.json",
}


@pytest.fixture(name="repository", autouse=True)
def _repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "tests" / "cases" / "hamlet", tmp_path / TOWN)
    for content in ("compliance/frameworks", "compliance/profiles", "compliance/controls/data"):
        shutil.copytree(ROOT / content, tmp_path / content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BEFFROI_STATE", str(tmp_path / "state"))
    return tmp_path


def register(*words: str, language: str = "en") -> Result:
    argv = ["register", TOWN, *words]
    return CliRunner().invoke(program, argv, standalone_mode=False, env={"BEFFROI_LANG": language})


def test_every_form_is_written_and_no_draft_is_left(repository: Path) -> None:
    done = register("--out", "out")
    assert done.return_value == 1  # the hamlet's register lacks recipients and an address
    assert {path.name for path in (repository / "out").iterdir()} == FILES


def test_what_is_missing_is_told_with_its_place() -> None:
    assert "missing: inventory/hamlet/city.yml:2: town.controller_contact (article 30(1)(a)" in register().stdout


def test_a_town_that_was_never_verified_is_told_first() -> None:
    assert register().stdout.splitlines()[1].startswith("The town was never verified")


def test_json_goes_to_standard_output_alone(repository: Path) -> None:
    assert json.loads(register("--json").stdout)["town"] == "hamlet"
    assert not (repository / "register").exists()


def test_a_page_of_an_activity_that_is_gone_goes_too_and_no_other_file(repository: Path) -> None:
    out = repository / "out"
    register("--out", "out")
    (out / "activity-records.html").rename(out / "activity-gone.html")
    (out / "activity-mine.html").write_text("my own notes")
    (out / "notes.txt").write_text("my own notes")
    register("--out", "out")
    assert {path.name for path in out.iterdir()} == {*FILES, "activity-mine.html", "notes.txt"}


def test_a_file_in_the_way_is_told(repository: Path) -> None:
    (repository / "out").write_text("x")
    assert isinstance(register("--out", "out").exception, InvalidInput)


def test_a_link_in_the_way_is_replaced_and_what_it_leads_to_is_left(repository: Path) -> None:
    (repository / "precious").write_text("x")
    (repository / "out").mkdir()
    (repository / "out" / "index.html").symlink_to(repository / "precious")
    register("--out", "out")
    assert (repository / "precious").read_text() == "x"
    assert not (repository / "out" / "index.html").is_symlink()


def test_the_pages_open_in_the_language_of_who_made_them(repository: Path) -> None:
    register("--out", "out", language="fr")
    assert '<html lang="fr"' in (repository / "out" / "index.html").read_text("utf-8")
