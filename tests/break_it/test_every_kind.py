"""Checks that cannot lie: on real machines, every sabotage of every kind turns a pass into a fail, and apply mends it.

Enforced -> pass -> enforced again changes nothing -> sabotaged -> `fail`, not `error` -> enforced -> pass. Batched by
round: round k plays sabotage k of every kind at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from towns import LabTown

from beffroi import declaration, kinds
from beffroi.apply import Progress, Works
from beffroi.converge import AFTER_AUTHORITY, Settings, Work, converge
from beffroi.judge import judge
from beffroi.observe.look import look
from beffroi.state import StackState
from beffroi.verdict import Outcome

pytestmark = pytest.mark.lab

REPOSITORY = Path(__file__).parent.parent.parent
PREFERRED = ("log", "mirror", "core", "bastion", "vault", "mqtt")
ELSEWHERE = {"mount_option": "core"}
"""Where a kind's sabotage would take from services what they cannot do without: PostgreSQL keeps memory in /dev/shm."""

Broken = dict[str, tuple[str, str]]
"""For each kind, the host and the name of the sabotage."""


def sabotages(kind: str) -> list[str]:
    return sorted(path.stem for path in (REPOSITORY / "roles" / kind / "tasks" / "breaks").glob("*.yml"))


def rounds() -> list[dict[str, str]]:
    columns = zip_longest(*(sabotages(kind) for kind in kinds.names()))
    return [{kind: name for kind, name in zip(kinds.names(), column, strict=True) if name} for column in columns]


def _part(sabotage: str) -> str:
    return sabotage.partition("_")[0]


class Ground:
    """The hamlet, as the engine sees it."""

    def __init__(self, hamlet: LabTown) -> None:
        silent = Progress(*([lambda *_: None] * 4))
        self.works = Works(declaration.load(hamlet.folder), StackState(hamlet.stack), silent)
        self.desired = self.works.declared.desired

    def host_of(self, kind: str, sabotage: str = "") -> str:
        """Return where a kind is broken; a sabotage named after a part of it is for a machine that plays this part."""
        found = {host: settings[kind] for host in PREFERRED if kind in (settings := self.desired.settings(host))}
        if kind in ELSEWHERE:
            return ELSEWHERE[kind]
        played = [host for host, asked in found.items() if _part(sabotage) in {it.get("part") for it in asked}]
        return next(iter(played or found))

    def play(self, broken: Broken, *, breaking: bool, undoing: bool = False) -> int:
        settings: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for kind, (host, _) in broken.items():
            settings.setdefault(host, {})[kind] = self.desired.settings(host)[kind]
        entries = {kind: f"breaks/{name}" for kind, (_, name) in broken.items()} if breaking else {}
        entries |= dict.fromkeys(broken, "undo") if undoing else {}
        # What is broken needs no order; what is enforced does, and a run of Ansible for each step of it.
        return self._run(settings, [list(settings)] if breaking else self._stages(), entries)

    def _stages(self) -> Sequence[Sequence[str]]:
        return declaration.stages(self.works.declared.city)

    def _run(self, settings: Settings, stages: Sequence[Sequence[str]], entries: dict[str, str]) -> int:
        done = converge(Work(settings, stages, self.works.ssh_config, REPOSITORY / "roles", entries), lambda _: None)
        assert done.failed == {}
        return done.changed

    def mend(self, broken: Broken) -> None:
        """Enforce; what only people can mend, its role's own undoing takes away."""
        undone = {kind for kind in broken if getattr(kinds.load(kind), "UNENFORCED", "")}
        self.play({kind: where for kind, where in broken.items() if kind not in undone}, breaking=False)
        self.play({kind: broken[kind] for kind in undone}, breaking=False, undoing=True)

    def hand_round(self) -> None:
        """Have every machine take what the authority has renewed: theirs is valid still, and no check calls for it."""
        settings = {
            host: {kind: of_kind for kind, of_kind in self.desired.settings(host).items() if kind in AFTER_AUTHORITY}
            for host in self.desired.hosts()
        }
        self._run(settings, self._stages(), {})

    def outcomes(self, broken: Broken) -> dict[str, dict[str, str]]:
        """Return, for each kind, the outcome of each of its controls on the host where it was broken."""
        hosts = sorted({host for host, _ in broken.values()})
        seen = look(self.desired, hosts, self.works.ssh_config, only=frozenset(broken))
        return {
            kind: {
                verdict.control: f"{verdict.outcome}{': ' + verdict.reason if verdict.reason else ''}"
                for verdict in judge(self.desired, seen)
                if verdict.kind == kind and verdict.host == host
            }
            for kind, (host, _) in broken.items()
        }


@pytest.fixture(scope="module")
def ground(hamlet: LabTown) -> Iterator[Ground]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BEFFROI_STATE", str(hamlet.state))
        ground = Ground(hamlet)
        yield ground
        ground.hand_round()


def started(outcomes: dict[str, str], word: Outcome) -> list[str]:
    return [control for control, outcome in outcomes.items() if outcome.startswith(word)]


NOT_IN_THE_LAB = frozenset(kind for kind in kinds.names() if getattr(kinds.load(kind), "NOT_IN_THE_LAB", ""))
"""Kinds that no machine of the lab can show, each with its reason in its module."""


RESTARTING = frozenset({"unit_sandbox"})
"""Kinds whose sabotage restarts services of other kinds, and would undo theirs if it came later."""


def restarting(broken: Broken) -> Broken:
    return {kind: where for kind, where in broken.items() if kind in RESTARTING}


def not_restarting(broken: Broken) -> Broken:
    return {kind: where for kind, where in broken.items() if kind not in RESTARTING}


def test_every_kind_is_asked_of_some_machine_and_can_be_sabotaged(ground: Ground) -> None:
    assert [kind for kind in kinds.names() if not sabotages(kind) and kind not in NOT_IN_THE_LAB] == []
    assert {kind: ground.host_of(kind) for kind in kinds.names()}.keys() == set(kinds.names())


def test_what_the_lab_cannot_show_passes_nowhere_in_it(ground: Ground) -> None:
    looked = ground.outcomes({kind: (ground.host_of(kind), "") for kind in NOT_IN_THE_LAB})
    assert {
        kind: found
        for kind, found in looked.items()
        if not found or len(found) != len(started(found, Outcome.NOT_APPLICABLE))
    } == {}


def test_enforcing_again_changes_nothing(ground: Ground) -> None:
    everywhere = {kind: (ground.host_of(kind), "") for kind in kinds.names()}
    assert ground.play(everywhere, breaking=False) == 0


@pytest.mark.parametrize("number", range(len(rounds())))
def test_each_sabotage_fails_its_check_and_enforcing_mends_it(ground: Ground, number: int) -> None:
    broken = {kind: (ground.host_of(kind, name), name) for kind, name in rounds()[number].items()}
    before = ground.outcomes(broken)
    assert {
        kind: found for kind, found in before.items() if started(found, Outcome.FAIL) or started(found, Outcome.ERROR)
    } == {}
    for together in (restarting(broken), not_restarting(broken)):
        ground.play(together, breaking=True)
    after = ground.outcomes(broken)
    try:
        blind = {kind: (broken[kind], found) for kind, found in after.items() if not started(found, Outcome.FAIL)}
        assert blind == {}, "a sabotage that its check does not see"
        lost = {kind: (broken[kind], found) for kind, found in after.items() if started(found, Outcome.ERROR)}
        assert lost == {}, "a sabotage is a failure, not a failure to look"
    finally:
        ground.mend(broken)
    mended = ground.outcomes(broken)
    unmended = {
        kind: found for kind, found in mended.items() if started(found, Outcome.FAIL) or started(found, Outcome.ERROR)
    }
    assert unmended == {}
