"""What an apply does about what is waived: it enforces it, looks once more, and does not wait for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from beffroi import apply
from beffroi.apply import Works
from beffroi.city import City
from beffroi.city.loader import Loaded
from beffroi.cli.verdicts import tell
from beffroi.declaration import Declaration
from beffroi.desired import Check, DesiredState
from beffroi.pytest_plugin import ControlItem
from beffroi.verdict import Observation, Outcome
from beffroi.waiver import Waiver

KIND = "sshd_option"
SETTING = {"option": "PermitRootLogin", "value": "no"}
STORE = cast("Any", SimpleNamespace(finish=lambda: None))
DESIRED = DesiredState(checks=(Check(host="db", control="ssh/root", kind=KIND, settings=(SETTING,)),))


def _seen(value: str) -> Observation:
    return Observation(
        host="db", kind=KIND, facts={"effective": {"permitrootlogin": value}, "exceptions": [], "unread": []}
    )


def _waiver(until: date) -> Waiver:
    reason = {"fr": "x", "en": "x"}
    return Waiver.model_validate(
        {
            "control": "ssh/root",
            "subject": "db",
            "owner": "it",
            "approver": "dpo",
            "reason": reason,
            "until": until,
            "compensating": "x",
        }
    )


class _Town(Works):
    """A town whose machines answer what the test says; `looks` counts how often they were asked."""

    answers: tuple[str, ...]

    def _begin(self, started: datetime) -> Any:  # noqa: ANN401, ARG002 - nothing is kept: see tests/unit/test_runs.py
        return STORE

    def _look(
        self,
        hosts: list[str],
        store: Any,  # noqa: ANN401, ARG002 - see above
        only: frozenset[str] = frozenset(),
    ) -> tuple[Observation, ...]:
        asked = cast("list[Any]", self.state)
        asked.append((tuple(hosts), only))
        return (_seen(self.answers[min(len(asked), len(self.answers)) - 1]),)


@pytest.fixture(name="town")
def _town(small_town: Callable[..., City], monkeypatch: pytest.MonkeyPatch) -> Callable[..., _Town]:
    monkeypatch.setattr(apply, "_SETTLE_PAUSE", 0.0)
    monkeypatch.setattr(apply, "_SETTLE_SECONDS", 0.2)

    def make(*answers: str, until: date = date.max) -> _Town:
        monkeypatch.setattr(_Town, "answers", answers, raising=False)
        declared = Declaration(Path(), Path(), Loaded(small_town(), {}), {}, DESIRED, (_waiver(until),))
        return _Town(declared, cast("Any", []), cast("Any", None))

    return make


def test_what_is_waived_is_enforced_all_the_same(town: Callable[..., _Town]) -> None:
    assert town("yes")._drifted([_seen("yes")], {"db"}) == {"db": {KIND: [SETTING]}}  # noqa: SLF001 - no face for one step


def test_what_is_waived_is_looked_at_once_more_and_not_waited_for(town: Callable[..., _Town]) -> None:
    works = town("yes")
    works._settled((_seen("yes"),), {"db"}, STORE)  # noqa: SLF001 - see above
    assert works.state == [(("db",), frozenset({KIND}))]


def test_what_was_waived_and_is_mended_is_seen_to_be(town: Callable[..., _Town]) -> None:
    works = town("no")
    observations = works._settled((_seen("yes"),), {"db"}, STORE)  # noqa: SLF001 - see above
    assert [verdict.outcome for verdict in works._verdicts(observations)] == [Outcome.PASS]  # noqa: SLF001 - see above


def test_what_is_no_longer_waived_is_waited_for(town: Callable[..., _Town]) -> None:
    works = town("yes", "yes", "no", until=date(2020, 1, 1))
    works._settled((_seen("yes"),), {"db"}, STORE)  # noqa: SLF001 - see above
    assert len(cast("list[Any]", works.state)) == 3


def test_a_verification_says_what_is_waived(town: Callable[..., _Town]) -> None:
    run = town("yes").verify()
    assert [verdict.outcome for verdict in run.verdicts] == [Outcome.WAIVED]


def test_a_verification_says_that_a_waiver_is_no_longer_needed(
    town: Callable[..., _Town], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEFFROI_LANG", "en")
    works = town("no")
    code = tell(works.declared, works.verify(), html=tmp_path / "page.html", junit=None, as_json=False)
    assert "Waivers no longer needed" in capsys.readouterr().out
    assert "Dérogations devenues inutiles" in (tmp_path / "page.html").read_text()
    assert code == 0


def test_pytest_expects_the_failure_of_what_is_waived(town: Callable[..., _Town]) -> None:
    [verdict] = town("yes").verify().verdicts
    controls = SimpleNamespace(verdict=lambda _key: verdict)
    item = cast("Any", SimpleNamespace(parent=controls, _key=("db", "ssh/root")))
    with pytest.raises(pytest.xfail.Exception, match="accepted until"):
        ControlItem.runtest(item)
