"""What a remedy replaces is what is planned: told, in the plan and its digest, and judged like the rest of it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from beffroi import declaration
from beffroi.city.loader import load_city
from beffroi.declaration import Declaration
from beffroi.gate import Decision, Judgement, Strictness, judge
from beffroi.plan import Plan, digest, make_plan, misfits
from beffroi.policy import Policy, example_town, load_policies
from beffroi.records import read_plan, write_plan
from beffroi.remedy import mended
from beffroi.report.gate_sarif import sarif
from beffroi.review import Found, Review
from beffroi.reviewing import Proposed, version

pytestmark = pytest.mark.slow  # each plans the reference city

ROOT = Path(__file__).parents[2]
MODE = "data/stores-are-closed-to-others"
POLICIES = {MODE: load_policies(ROOT)[MODE]}
DAY = date(2026, 11, 26)
PATH = ("hosts", "db", "stores", "requests", "mode")
FLOW = {"name": "portal", "from": "internet", "to": "web", "service": "https", "purpose": {"fr": "x", "en": "x"}}
WAIVER = f"""waivers:
  - {{policy: {MODE}, subject: requests, owner: it, approver: dpo, reason: {{fr: x, en: x}}, until: UNTIL,
     compensating: ssh/root-login-refused}}
"""


def _town(folder: Path, mode: str = "0777", waived_until: str = "") -> Declaration:
    town: dict[str, Any] = {"flows": [FLOW], **example_town(ROOT)}
    town["hosts"]["db"]["stores"]["requests"]["mode"] = mode
    (folder / "city.yml").write_text(yaml.safe_dump(town, sort_keys=False, allow_unicode=True), "utf-8")
    if waived_until:
        (folder / "waivers.yml").write_text(WAIVER.replace("UNTIL", waived_until), "utf-8")
    return declaration.load(folder, root=ROOT, shown_as="inventory/example")


def _plan(town: Declaration) -> Plan:
    return make_plan(town.city, town.desired, "example", (), remedies=town.replaced)


def _judged(town: Declaration, policies: dict[str, Policy], before: Declaration | None = None) -> Decision:
    standing = Proposed(version(town, policies), version(before, policies) if before else None)
    return judge(standing.proposal(DAY), policies, strictness=Strictness.STRICT)


def _policy(remedy: dict[str, Any], schema: dict[str, Any], *sorts: str, name: str = "x/one") -> dict[str, Policy]:
    words = {"fr": "x", "en": "x"}
    cases = {"good": [{"why": "x"}], "bad": [{"why": "x"}]}
    fields = {"title": words, "rationale": words, "hint": words, "level": "remediate", **cases}
    policy = Policy.model_validate({"id": name, "applies_to": sorts, "schema": schema, "remedy": remedy, **fields})
    return {name: policy}


# The plan


def test_machines_are_held_to_the_safe_value(tmp_path: Path) -> None:
    town, safe = mended(_town(tmp_path), POLICIES), _town(tmp_path, "0750")
    assert town.desired == safe.desired
    assert _plan(town).settings == _plan(safe).settings


def test_the_plan_tells_the_value_and_the_policy(tmp_path: Path) -> None:
    [replaced] = _plan(mended(_town(tmp_path), POLICIES)).remedies
    assert (replaced.policy, replaced.path, replaced.was, replaced.becomes) == (MODE, PATH, "0777", "0750")


def test_the_remedies_are_in_the_digest(tmp_path: Path) -> None:
    plan = _plan(mended(_town(tmp_path), POLICIES))
    safe = _plan(_town(tmp_path, "0750"))
    assert plan.digest != safe.digest
    assert misfits(plan, safe) == ("remedies",)


def test_a_written_plan_comes_back_with_its_remedies(tmp_path: Path) -> None:
    plan = _plan(mended(_town(tmp_path), POLICIES))
    write_plan(tmp_path / "plan.json", plan)
    assert read_plan(tmp_path / "plan.json") == plan


def test_a_plan_without_remedies_keeps_the_digest_that_it_had(tmp_path: Path) -> None:
    plan = _plan(_town(tmp_path, "0750"))
    as_before = plan.model_dump(mode="json")
    assert as_before.pop("remedies") == []
    assert plan.digest == digest(as_before)


def test_mending_twice_replaces_nothing_more_and_forgets_nothing(tmp_path: Path) -> None:
    once = mended(_town(tmp_path), POLICIES)
    assert mended(once, POLICIES) == once


# The decision


def test_what_is_remedied_refuses_nothing_and_is_told(tmp_path: Path) -> None:
    decision = _judged(mended(_town(tmp_path), POLICIES), POLICIES)
    [violation] = decision.violations
    assert (decision.judgement, violation.policy) == (Judgement.ACCEPTED, MODE)
    assert [it.becomes for it in violation.replaced] == ["0750"]


def test_what_nobody_remedied_refuses(tmp_path: Path) -> None:
    assert _judged(_town(tmp_path), POLICIES).judgement == Judgement.REFUSED


def test_a_remedy_that_does_not_mend_refuses(tmp_path: Path) -> None:
    policies = _policy({"mode": "0755"}, {"properties": {"mode": {"const": "0700"}}}, "store")
    town = mended(_town(tmp_path), policies)
    assert (town.replaced, _judged(town, policies).judgement) == ((), Judgement.REFUSED)


def test_a_remedy_that_breaks_another_policy_refuses(tmp_path: Path) -> None:
    first = _policy({"mode": "0700"}, {"properties": {"mode": {"const": "0700"}}}, "store", name="a/first")
    refused = {"properties": {"mode": {"not": {"const": "0700"}}}}
    mandatory = next(iter(_policy({}, refused, "store", name="b/second").values()))
    policies = {**first, "b/second": mandatory.model_copy(update={"level": "mandatory", "remedy": None})}
    decision = _judged(mended(_town(tmp_path), policies), policies)
    assert {it.policy for it in decision.refusals()} == {"b/second"}


def test_two_remedies_that_undo_each_other_refuse(tmp_path: Path) -> None:
    closed = _policy({"mode": "0700"}, {"properties": {"mode": {"const": "0700"}}}, "store", name="a/closed")
    open_ = _policy({"mode": "0750"}, {"properties": {"mode": {"const": "0750"}}}, "store", name="b/open")
    decision = _judged(mended(_town(tmp_path), {**closed, **open_}), {**closed, **open_})
    assert {it.policy for it in decision.refusals()} == {"a/closed"}


def test_what_a_waiver_lets_pass_keeps_its_value(tmp_path: Path) -> None:
    town = mended(_town(tmp_path, waived_until="2027-06-30"), POLICIES)
    decision = _judged(town, POLICIES)
    assert town.city.hosts["db"].stores["requests"].mode == "0777"
    assert (decision.judgement, decision.violations[0].waived) == (Judgement.ACCEPTED, True)


def test_a_waiver_that_is_over_changes_no_setting_and_refuses(tmp_path: Path) -> None:
    town = mended(_town(tmp_path, waived_until="2026-06-30"), POLICIES)
    assert town.city.hosts["db"].stores["requests"].mode == "0777"
    assert _judged(town, POLICIES).judgement == Judgement.REFUSED


def test_a_policy_that_the_change_drops_remedies_nothing_and_still_judges(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    before = mended(_town(tmp_path / "before"), POLICIES)
    after = Proposed(version(mended(_town(tmp_path), {}), {}), version(before, POLICIES))
    assert judge(after.proposal(DAY), after.policies()).judgement == Judgement.REFUSED


def test_a_value_that_was_remedied_before_too_is_no_regression(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    before = mended(_town(tmp_path / "before"), POLICIES)
    [violation] = _judged(mended(_town(tmp_path), POLICIES), POLICIES, before).violations
    assert violation.known


# The exact change


def _results(town: Declaration, policies: dict[str, Policy]) -> tuple[tuple[Found, ...], Any]:
    """What is found, and its SARIF results. The network, which no remedy of these touches, is left unproved."""
    made = version(mended(town, policies), policies)
    decision = _judged(made.declared, policies)
    found = tuple(
        Found(violation=it, spot=made.spot(it.path), corrections=tuple(map(made.correction, it.replaced)))
        for it in decision.violations
    )
    return found, sarif([Review(town="example", decision=decision, found=found)], "en")["runs"][0]["results"]


def _fixed(text: str, result: dict[str, Any]) -> str:
    """The text with a SARIF result's fix made, as an editor makes it."""
    lines = text.split("\n")
    for change in result["fixes"][0]["artifactChanges"]:
        for put in change["replacements"]:
            region = put["deletedRegion"]
            line = lines[region["startLine"] - 1]
            before, after = line[: region["startColumn"] - 1], line[region["endColumn"] - 1 :]
            lines[region["startLine"] - 1] = before + put["insertedContent"]["text"] + after
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("before", "mode", "after"),
    [("", "0777", ""), ("𝄞é", "'0755'", "  # why"), ("<", '"0775"', " ")],
)
def test_the_sarif_fix_makes_the_file_say_what_is_planned(tmp_path: Path, before: str, mode: str, after: str) -> None:
    _town(tmp_path)
    file = tmp_path / "city.yml"
    value = yaml.safe_load(file.read_text("utf-8"))
    value["hosts"]["db"]["stores"] = {"requests": "STORE"}
    store = f"{{label: {{fr: 'é{before}', en: x}}, path: /srv/r, owner: svc, group: svc, mode: {mode}}}{after}"
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True).replace("STORE", store)
    file.write_text(text, "utf-8")
    town = declaration.load(tmp_path, root=ROOT, shown_as="inventory/example")
    file.write_text(_fixed(text, _results(town, POLICIES)[1][0]), "utf-8")
    again = load_city(tmp_path)
    assert again == mended(town, POLICIES).city
    assert again != town.city


def test_a_value_that_no_line_writes_has_no_sarif_fix(tmp_path: Path) -> None:
    policies = _policy({"encrypted_at_rest": True}, {"properties": {"encrypted_at_rest": {"const": True}}}, "store")
    town = _town(tmp_path, "0750")
    missing = [name for name, store in town.city.hosts["db"].stores.items() if not store.encrypted_at_rest]
    found, results = _results(town, policies)
    unwritten = [it for it in found if it.corrections and it.corrections[0].columns is None]
    assert len(unwritten) >= len(missing) > 0
    assert sum("fixes" in it for it in results) == len(found) - len(unwritten)
