"""`beffroi gate --trust`: whose code judges, and that none is run unless a person says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from repositories import TOWN, TownRepository, town_repository

from beffroi.cli.verbs import program
from beffroi.errors import RefusedPlan

pytestmark = pytest.mark.slow

POLICY = """title: {fr: "Peu de machines", en: "Few machines"}
rationale: {fr: "x", en: "x"}
level: LEVEL
rule: own/few
hint: {fr: "en enlever", en: "take some away"}
good: [{why: "x"}]
bad: [{why: "x"}]
"""
FINDS = """def find(proposal, params):
    yield {"subject": "log", "path": ["hosts", "log"], "fr": "trop", "en": "too many"}
"""
SILENT = "def find(proposal, params):\n    return []\n"
Says = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.fixture(name="made")
def _made(tmp_path: Path) -> TownRepository:
    return town_repository(tmp_path / "repository")


@pytest.fixture(name="says")
def _says(made: TownRepository, monkeypatch: pytest.MonkeyPatch) -> Says:
    """Run the gate at the top of the repository; return its code and what it finds under the policy of these tests."""
    monkeypatch.chdir(made.folder)
    monkeypatch.setenv("BEFFROI_LANG", "en")

    def run(*words: str) -> tuple[int, list[dict[str, Any]]]:
        done = CliRunner().invoke(program, ["gate", "--json", "--today", "2026-11-26", *words], standalone_mode=False)
        if done.exception is not None:
            raise done.exception
        [review] = json.loads(done.stdout)
        return done.return_value, [it for it in review["found"] if it["violation"]["policy"] == "town/few"]

    return run


def _bring(made: TownRepository, predicate: str, level: str = "mandatory") -> None:
    (made.folder / "policies" / "rules").mkdir(exist_ok=True)
    (made.folder / "policies" / "rules" / "few.py").write_text(predicate)
    (made.folder / "policies" / "town" / "few.yml").write_text(POLICY.replace("LEVEL", level))
    made.commit()


def _in_the_base(made: TownRepository, predicate: str) -> None:
    made.git("checkout", "--quiet", "main")
    _bring(made, predicate)
    made.git("checkout", "--quiet", "-B", "change")


def _told(found: list[dict[str, Any]]) -> tuple[str, str]:
    [only] = found
    return only["violation"]["rule"], only["violation"]["subject"]


@pytest.mark.parametrize("words", [(), ("--base", "main"), ("--base", "main", "--head", "change", "--regressions")])
def test_a_hostile_head_is_not_run_and_leaves_a_doubt(
    made: TownRepository, says: Says, tmp_path: Path, words: tuple[str, ...]
) -> None:
    _bring(made, f"open({str(tmp_path / 'mark')!r}, 'w')\n{SILENT}")
    code, found = says(*words)
    assert (code, _told(found)) == (2, ("own_not_run", "hamlet"))
    assert not (tmp_path / "mark").exists()


def test_trusting_the_base_does_not_run_what_the_head_brings(made: TownRepository, says: Says, tmp_path: Path) -> None:
    _bring(made, f"open({str(tmp_path / 'mark')!r}, 'w')\n{SILENT}")
    code, found = says("--trust-base", "--base", "main", "--head", "change")
    assert (code, _told(found)) == (2, ("own_not_run", "hamlet"))
    assert not (tmp_path / "mark").exists()


def test_a_trusted_head_judges_at_the_line(made: TownRepository, says: Says) -> None:
    _bring(made, FINDS)
    code, found = says("--trust", "--base", "main", "--head", "change")
    assert (code, _told(found)) == (1, ("own", "log"))
    lines = (made.town / "city.yml").read_text().splitlines()
    assert found[0]["spot"]["file"] == f"{TOWN}/city.yml"
    assert lines[found[0]["spot"]["line"] - 1].strip() == "log:"


@pytest.mark.parametrize("trust", ["--trust", "--trust-base"])
def test_the_code_of_the_base_judges_a_head_that_rewrites_it(made: TownRepository, says: Says, trust: str) -> None:
    _in_the_base(made, FINDS)
    _bring(made, SILENT)
    code, found = says(trust, "--base", "main", "--head", "change")
    assert (code, _told(found), found[0]["violation"]["known"]) == (1, ("own", "log"), True)


def test_what_stood_before_refuses_nothing_where_regressions_alone_count(made: TownRepository, says: Says) -> None:
    _in_the_base(made, FINDS)
    made.commit()
    assert says("--trust", "--base", "main", "--regressions")[0] == 0


def test_an_unanswered_question_is_never_an_old_one(made: TownRepository, says: Says) -> None:
    _in_the_base(made, SILENT)
    made.commit()
    code, found = says("--base", "main", "--regressions")
    assert (code, found[0]["violation"]["known"]) == (2, False)


def test_a_predicate_that_fails_is_no_verdict_and_says_where(made: TownRepository, says: Says) -> None:
    _bring(made, "def find(proposal, params):\n    return proposal['nothing']\n")
    code, found = says("--trust")
    assert (code, found[0]["violation"]["names"]["place"]) == (2, "policies/rules/few.py:2")


def test_an_advice_that_was_not_run_is_a_remark_that_says_so(made: TownRepository, says: Says) -> None:
    _bring(made, SILENT, level="advisory")
    code, found = says()
    assert (code, _told(found)) == (0, ("own_not_run", "hamlet"))


def test_a_waiver_of_what_was_not_told_is_neither_used_nor_an_orphan(made: TownRepository, says: Says) -> None:
    (made.town / "waivers.yml").write_text(
        "waivers:\n  - {policy: town/few, subject: hamlet, owner: clerk, approver: officer,"
        " reason: {fr: x, en: x}, until: 2026-12-31, compensating: ssh/root-login-refused}\n"
    )
    _bring(made, SILENT)
    code, found = says()
    assert (code, found[0]["violation"]["waived"]) == (2, False)


def test_a_link_out_of_the_folder_is_no_predicate(made: TownRepository, says: Says, tmp_path: Path) -> None:
    _bring(made, SILENT)
    (tmp_path / "few.py").write_text(FINDS)
    (made.folder / "policies" / "rules" / "few.py").unlink()
    (made.folder / "policies" / "rules" / "few.py").symlink_to(tmp_path / "few.py")
    assert says("--trust") == (1, [])


def test_apply_refuses_what_was_not_told_before_anything_is_asked_of_a_stack(
    made: TownRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made.folder)
    monkeypatch.setenv("BEFFROI_STATE", str(tmp_path / "state"))
    _bring(made, SILENT)
    done = CliRunner().invoke(program, ["apply", "--yes", TOWN], standalone_mode=False)
    assert isinstance(done.exception, RefusedPlan)
    assert "policies/rules/few.py was not run" in done.stderr
    assert not (tmp_path / "state").exists()
