"""`beffroi gate` on changes in throw-away repositories: what it says of them, and what they cannot do to it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from repositories import TOWN, TownRepository, town_repository

from beffroi.cli.verbs import program
from beffroi.errors import CouldNotAct, InvalidInput

pytestmark = pytest.mark.slow

CITY = f"{TOWN}/city.yml"
LAST_FLOW = "  - {name: sensors-to-time"
OPENED = "  - {name: poles-to-mirror, from: sensors-on-poles, to: mirror, service: packages, purpose: {fr: x, en: x}}\n"
FORMS = ("markdown", "sarif", "codequality", "junit", "html")
Says = Callable[..., tuple[int, Any]]


@pytest.fixture(name="made")
def _made(tmp_path: Path) -> TownRepository:
    return town_repository(tmp_path / "repository")


@pytest.fixture(name="says")
def _says(made: TownRepository, monkeypatch: pytest.MonkeyPatch) -> Says:
    """Run the gate at the top of the repository; return its code and the review of its one town."""
    monkeypatch.chdir(made.folder)
    monkeypatch.setenv("BEFFROI_LANG", "en")

    def run(*words: str) -> tuple[int, Any]:
        done = CliRunner().invoke(program, ["gate", "--json", "--today", "2026-11-26", *words], standalone_mode=False)
        if done.exception is not None:
            raise done.exception
        reviews = json.loads(done.stdout)
        return done.return_value, reviews[0] if len(reviews) == 1 else reviews

    return run


def _refusing(review: dict[str, Any]) -> set[str]:
    return {it["violation"]["policy"] for it in review["found"] if it["violation"]["level"] == "mandatory"}


def test_a_change_of_words_changes_no_packet_and_is_accepted(made: TownRepository, says: Says) -> None:
    made.edit(CITY, 'en: "Keep logs"', 'en: "Keep the logs"')
    code, review = says("--base", "main")
    assert (code, review["flows"], review["blast"]) == (0, [], [])
    assert review["flows_compared"]


def test_a_file_split_in_two_changes_nothing(made: TownRepository, says: Says) -> None:
    text = (made.town / "city.yml").read_text()
    flows = text[text.index("\nflows:") + 1 : text.index("\nprocessing:") + 1]
    (made.town / "city.yml").write_text(text.replace(flows, ""))
    (made.town / "flows.yml").write_text(flows)
    code, review = says("--base", "main")
    assert (code, review["flows"], review["blast"], review["register_"]) == (0, [], [], [])


def test_an_opened_flow_is_told_with_a_packet_and_its_line(made: TownRepository, says: Says) -> None:
    made.edit(CITY, LAST_FLOW, OPENED + LAST_FLOW)
    _, review = says("--base", "main")
    opened = [it for it in review["flows"] if it["sort"] == "opened"]
    assert {(it["start"], it["end"], it["family"]) for it in opened} >= {
        ("sensors", "mirror", 4),
        ("sensors", "mirror", 6),
    }
    [[name, spot]] = opened[0]["flows"]
    assert name == "poles-to-mirror"
    assert (made.folder / spot["file"]).read_text().splitlines()[spot["line"] - 1].strip().startswith("- {name: poles")


def test_a_closed_flow_is_told_with_its_line_in_the_base(made: TownRepository, says: Says) -> None:
    text = (made.town / "city.yml").read_text()
    line = next(each for each in text.splitlines() if each.startswith(LAST_FLOW))
    made.edit(CITY, line + "\n", "")
    _, review = says("--base", "main")
    [[name, spot]] = review["flows"][0]["flows"]
    assert (name, spot["before"]) == ("sensors-to-time", True)
    assert text.splitlines()[spot["line"] - 1] == line
    assert {it["sort"] for it in review["flows"]} == {"closed"}


def test_a_mistake_is_a_fault_at_its_line(made: TownRepository, says: Says) -> None:
    made.edit(CITY, "to: core, service: ntp", "to: nowhere, service: ntp")
    code, review = says("--base", "main")
    assert code == 1
    assert review["faults"][0]["spot"]["file"] == CITY
    assert review["decision"] is None


def test_a_base_with_mistakes_stops_nobody(made: TownRepository, says: Says) -> None:
    good = (made.town / "city.yml").read_text()
    made.git("checkout", "--quiet", "main")
    (made.town / "city.yml").write_text("nonsense: true\n")
    made.commit()
    made.git("checkout", "--quiet", "-B", "change")
    (made.town / "city.yml").write_text(good)
    code, review = says("--base", "main")
    assert (code, review["flows_compared"]) == (0, False)


def test_a_policy_that_the_change_drops_still_judges_it(made: TownRepository, says: Says) -> None:
    (made.folder / "policies" / "network" / "ssh-through-the-bastion.yml").unlink()
    shortcut = OPENED.replace("service: packages", "service: ssh").replace("to: mirror", "to: log")
    made.edit(CITY, LAST_FLOW, shortcut + LAST_FLOW)
    code, review = says("--base", "main")
    assert code == 1
    assert "network/ssh-through-the-bastion" in _refusing(review)


def test_what_stood_before_refuses_unless_regressions_alone_count(made: TownRepository, says: Says) -> None:
    made.git("checkout", "--quiet", "main")
    shortcut = OPENED.replace("service: packages", "service: ssh").replace("to: mirror", "to: log")
    made.edit(CITY, LAST_FLOW, shortcut + LAST_FLOW)
    made.commit()
    made.git("checkout", "--quiet", "-B", "change")
    made.edit(CITY, 'en: "Keep logs"', 'en: "Keep the logs"')
    assert says("--base", "main")[0] == 1
    assert says("--base", "main", "--regressions")[0] == 0


def test_a_commit_is_judged_and_not_the_files_as_they_are(made: TownRepository, says: Says) -> None:
    made.commit()
    (made.town / "city.yml").write_text("nonsense: true\n")
    assert says("--base", "main", "--head", "change")[0] == 0
    assert says("--base", "main")[0] == 1


def test_a_town_that_the_change_adds_has_no_base(made: TownRepository, says: Says) -> None:
    (made.folder / "inventory" / "other").mkdir()
    (made.folder / "inventory" / "other" / "city.yml").write_text(
        (made.town / "city.yml").read_text().replace("name: hamlet", "name: other")
    )
    code, reviews = says("--base", "main")
    assert code == 0
    assert {(it["town"], it["flows_compared"]) for it in reviews} == {("hamlet", True), ("other", False)}


def test_a_control_that_goes_and_a_longer_retention_are_told(made: TownRepository, says: Says) -> None:
    (made.folder / "compliance" / "controls" / "ssh" / "root-login-refused.yml").unlink()
    _, review = says("--base", "main")
    assert [(it["sort"], it["control"]) for it in review["controls"]] == [("lost", "ssh/root-login-refused")]
    assert {it["machine"] for it in review["blast"]} == {"core", "bastion", "mirror", "log", "vault", "mqtt"}


def test_every_page_that_is_asked_for_is_written(made: TownRepository, says: Says, tmp_path: Path) -> None:
    pages = {form: tmp_path / form for form in FORMS}
    says("--base", "main", *(word for form, path in pages.items() for word in (f"--{form}", str(path))))
    assert pages["markdown"].read_text().startswith("<!-- beffroi-gate -->")
    assert json.loads(pages["sarif"].read_text())["version"] == "2.1.0"
    assert isinstance(json.loads(pages["codequality"].read_text()), list)
    assert pages["junit"].read_text().startswith("<?xml")
    assert "<html" in pages["html"].read_text()
    assert made.git("status", "--porcelain") == ""


def test_every_page_is_written_of_a_change_that_holds_a_link(made: TownRepository, says: Says, tmp_path: Path) -> None:
    (made.town / "flows.yml").symlink_to("../shared.yml")
    made.commit()
    pages = {form: tmp_path / form for form in FORMS}
    options = [word for form, path in pages.items() for word in (f"--{form}", str(path))]
    code, review = says("--base", "main", "--head", "change", *options)
    assert code == 1
    assert review["faults"][0]["spot"]["file"] == f"{TOWN}/flows.yml"
    assert [form for form, path in pages.items() if "commit a plain file in its place" not in path.read_text()] == []


def test_a_town_that_is_a_link_is_a_fault_at_its_path(made: TownRepository, says: Says, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "city.yml").write_text("secret: hunter2\n")
    (made.folder / "inventory" / "linked").symlink_to(tmp_path / "elsewhere")
    made.commit()
    for head in ([], ["--head", "change"]):
        code, review = says("--base", "main", *head, str(made.folder / "inventory" / "linked"))
        assert (code, [it["spot"]["file"] for it in review["faults"]]) == (1, ["inventory/linked"])
        assert "hunter2" not in json.dumps(review)


def test_a_link_in_the_base_stops_nobody_who_takes_it_away(made: TownRepository, says: Says) -> None:
    made.git("checkout", "--quiet", "main")
    (made.town / "flows.yml").symlink_to("../shared.yml")
    made.commit()
    made.git("checkout", "--quiet", "-B", "change")
    (made.town / "flows.yml").unlink()
    made.commit()
    code, review = says("--base", "main", "--head", "change")
    assert (code, review["flows_compared"]) == (0, False)


def test_too_little_time_is_could_not_tell(says: Says, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(*_words: object) -> object:
        while True:
            os.getpid()

    monkeypatch.setattr("beffroi.cli.gate.review", endless)
    with pytest.raises(CouldNotAct, match="more than 1 seconds"):
        says("--time-limit", "1")


def test_too_little_memory_is_could_not_tell(says: Says, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beffroi.cli.gate.review", lambda *_: bytearray(64 * 2**40))
    with pytest.raises(CouldNotAct, match="MiB of memory"):
        says()


def test_a_base_that_is_not_there_is_told(says: Says) -> None:
    with pytest.raises(InvalidInput, match="no commit named `origin/nowhere`"):
        says("--base", "origin/nowhere")
