import inspect
import re
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest

from beffroi import declaration, kinds
from beffroi.desired import Check, DesiredState
from beffroi.judge import judge
from beffroi.verdict import Observation, Outcome, Verdict, exit_code
from beffroi.waiver import Waiver

ROOT = Path(__file__).parents[2]
KIND = "sshd_option"
ROOT_LOGIN = {"option": "PermitRootLogin", "value": "no"}
SOUND = {"effective": {"permitrootlogin": "no"}, "exceptions": [], "unread": []}
HOSTILE: list[Any] = [
    None,
    True,
    -1,
    10**30,
    float("nan"),
    "",
    "\x1b[2J\udc80\x00",
    [],
    [[[]]],
    {},
    {"": None},
    [{"nftables": 3}],
]
"""What a host that lies can put in the place of each fact."""


def _desired(*settings: dict[str, Any], kind: str = KIND) -> DesiredState:
    return DesiredState(checks=(Check(host="db", control="ssh/root", kind=kind, settings=settings),))


def _judged(desired: DesiredState, facts: dict[str, Any] | None, **more: str) -> Verdict:
    kind = desired.checks[0].kind
    [verdict] = judge(desired, [Observation(host="db", kind=kind, facts=facts, **more)])
    return verdict


def test_what_nobody_observed_is_not_checked() -> None:
    [verdict] = judge(_desired(ROOT_LOGIN), [])
    assert verdict.outcome is Outcome.NOT_CHECKED


def test_an_observation_of_another_host_is_no_answer() -> None:
    elsewhere = Observation(host="web", kind=KIND, facts=SOUND)
    assert judge(_desired(ROOT_LOGIN), [elsewhere])[0].outcome is Outcome.NOT_CHECKED


def test_an_observation_of_another_kind_is_no_answer() -> None:
    other = Observation(host="db", kind="sysctl", facts=SOUND)
    assert judge(_desired(ROOT_LOGIN), [other])[0].outcome is Outcome.NOT_CHECKED


def test_could_not_look_is_an_error_with_its_reason() -> None:
    verdict = _judged(_desired(ROOT_LOGIN), None, could_not_look="no answer")
    assert (verdict.outcome, verdict.reason) == (Outcome.ERROR, "no answer")


def test_could_not_look_without_a_reason_is_an_error_all_the_same() -> None:
    assert _judged(_desired(ROOT_LOGIN), None).outcome is Outcome.ERROR


def test_facts_that_lack_what_is_asked_are_an_error() -> None:
    assert _judged(_desired(ROOT_LOGIN), {}).outcome is Outcome.ERROR


def test_the_last_observation_counts() -> None:
    first = Observation(host="db", kind=KIND, facts=None, could_not_look="down")
    second = Observation(host="db", kind=KIND, facts={}, could_not_look="")
    assert judge(_desired(ROOT_LOGIN), [first, second])[0].reason != "down"


def test_there_is_one_verdict_for_each_check() -> None:
    checks = tuple(Check(host=host, control="c", kind=KIND, settings=(ROOT_LOGIN,)) for host in ("a", "b", "c"))
    assert [verdict.host for verdict in judge(DesiredState(checks=checks), [])] == ["a", "b", "c"]


OPEN = {"effective": {"permitrootlogin": "yes"}, "exceptions": [], "unread": []}
LAST_DAY = date(2026, 6, 30)


def _waiver(**changes: Any) -> Waiver:  # noqa: ANN401 - any field
    fixed: dict[str, Any] = {"owner": "it", "approver": "dpo", "reason": {"fr": "x", "en": "x"}, "compensating": "x"}
    about = {"control": "ssh/root", "subject": "db", "until": LAST_DAY}
    return Waiver.model_validate({**fixed, **about, **changes})


def _waived(facts: dict[str, Any] | None, *waivers: Waiver, today: date | None = LAST_DAY) -> Verdict:
    seen = [Observation(host="db", kind=KIND, facts=facts, could_not_look="" if facts else "no answer")]
    [verdict] = judge(_desired(ROOT_LOGIN), seen, waivers, today)
    return verdict


def test_a_waived_failure_says_until_when_and_who() -> None:
    verdict = _waived(OPEN, _waiver())
    assert (verdict.outcome, exit_code([verdict])) == (Outcome.WAIVED, 0)
    assert verdict.reason == "accepted until 2026-06-30 by dpo, asked for by it"


def test_a_waived_failure_keeps_what_was_found() -> None:
    assert [finding.outcome for finding in _waived(OPEN, _waiver()).findings] == [Outcome.FAIL]


def test_a_waiver_that_is_over_waives_nothing() -> None:
    assert _waived(OPEN, _waiver(), today=date(2026, 7, 1)).outcome is Outcome.FAIL


def test_without_a_day_no_waiver_counts() -> None:
    assert _waived(OPEN, _waiver(), today=None).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    "changes", [{"subject": "web"}, {"control": "ssh/other"}, {"control": None, "policy": "ssh/root"}]
)
def test_a_waiver_of_something_else_waives_nothing(changes: dict[str, Any]) -> None:
    assert _waived(OPEN, _waiver(**changes)).outcome is Outcome.FAIL


def test_what_could_not_be_looked_at_is_never_waived() -> None:
    assert _waived(None, _waiver()).outcome is Outcome.ERROR


def test_what_nobody_observed_is_never_waived() -> None:
    [verdict] = judge(_desired(ROOT_LOGIN), [], [_waiver()], LAST_DAY)
    assert verdict.outcome is Outcome.NOT_CHECKED


def test_what_passes_needs_no_waiver() -> None:
    assert _waived(SOUND, _waiver()) == _waived(SOUND)


def test_of_two_waivers_the_one_that_lasts_longer_is_told() -> None:
    verdict = _waived(OPEN, _waiver(until=date(2026, 12, 31)), _waiver())
    assert "2026-12-31" in verdict.reason


@pytest.fixture(name="town", scope="module")
def _town() -> DesiredState:
    return declaration.load(ROOT / "inventory" / "bourg-sur-gave").desired


def _names_of_facts(kind: str) -> set[str]:
    source = inspect.getsource(cast("ModuleType", kinds.load(kind)))
    return {*re.findall(r"""facts(?:\[|\.get\()["']([a-z_]+)["']""", source), "sections", "read", "seen"}


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value)[:20])
@pytest.mark.parametrize("kind", kinds.names())
def test_no_host_stops_the_judge_with_what_it_says(town: DesiredState, kind: str, value: object) -> None:
    checks = tuple(check for check in town.checks if check.kind == kind)
    seen = [
        Observation(host=host, kind=kind, facts=dict.fromkeys(_names_of_facts(kind), value)) for host in town.hosts()
    ]
    assert len(judge(DesiredState(checks=checks), seen)) == len(checks)
