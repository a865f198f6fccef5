"""Apply: provision with Pulumi, configure with Ansible what drifted, look again. And its parts, for other verbs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beffroi import applied, declaration, runs
from beffroi.access import Door, close_connections, open_door, write_ssh_config
from beffroi.city.roles import COLLECTOR_ROLE
from beffroi.converge import Action, Convergence, Work, converge
from beffroi.coverage import coverage
from beffroi.declaration import Declaration
from beffroi.errors import CouldNotAct
from beffroi.judge import judge
from beffroi.lab.command import run as run_command
from beffroi.lab.debian import require_bootable
from beffroi.lab.headroom import make_room
from beffroi.lab.image import base_image
from beffroi.lab.place import LabPlace, require_root
from beffroi.lab.repository import town_repository
from beffroi.messages import say
from beffroi.observe.captures import CaptureStore, KeptRun
from beffroi.observe.look import look
from beffroi.observe.replay import replay
from beffroi.plan import Plan, Step, make_plan
from beffroi.pulumi_cli import find_pulumi
from beffroi.runs import Run
from beffroi.state import StackState
from beffroi.verdict import Observation, Outcome, Verdict

if TYPE_CHECKING:
    from beffroi.stack import CityStack

MACHINE = "beffroi:lab:Machine"

Consent = Callable[[Plan], None]
"""Asked about the plan that is about to be done; raises RefusedPlan unless it agrees."""

_SETTLE_SECONDS = 45.0
_SETTLE_PAUSE = 1.0


@dataclass(frozen=True)
class Progress:
    """Whom to tell what goes on: sentences, provisioning steps, Ansible actions, observations."""

    say: Callable[[str], None]
    step: Callable[[Step, bool], None]
    action: Callable[[Action], None]
    seen: Callable[[Observation], None]


@dataclass(frozen=True)
class Applied:
    """What an apply did and what then stands."""

    steps: list[Step]
    convergences: list[Convergence]
    run: Run

    @property
    def failures(self) -> dict[str, list[str]]:
        """Return what Ansible could not do, by host."""
        return {host: words for done in self.convergences for host, words in done.failed.items()}


@dataclass(frozen=True)
class Works:
    """A declared town and its stack: what each verb of the command line works on."""

    declared: Declaration
    state: StackState
    progress: Progress

    @property
    def place(self) -> LabPlace:
        """Return the place of the town's lab: it bears the stack's name."""
        return LabPlace(self.state.name)

    @contextlib.contextmanager
    def stack(self) -> Iterator[CityStack]:
        """Hold the stack, cleared of what a killed run left."""
        from beffroi.program import declare_city  # noqa: PLC0415 - Pulumi's SDK costs half a second
        from beffroi.stack import CityStack  # noqa: PLC0415

        self._ensure_key()
        with self.state.alone():
            town = self.declared
            stack = CityStack(self.state, lambda: declare_city(town.city, self.state, town.waivers), find_pulumi())
            stack.recover(self.progress.say)
            yield stack

    def plan(self, *, refresh: bool) -> Plan:
        """Return what an apply would change; with `refresh` (root), compared with what really stands."""
        require_bootable(self.declared.written)
        with self.stack() as stack:
            return self._plan(stack, refresh=refresh)

    def apply(self, *, consent: Consent | None = None, everything: bool = False, covered: bool = False) -> Applied:
        """Make the town so, and look at all of it.

        `consent` is asked about the plan that is done, the stack being held, and raises RefusedPlan unless it agrees.
        `everything` runs every role on every machine instead of those whose checks do not pass; `covered` those too
        whose checks pass without telling all that the role enforces from something else.
        """
        require_bootable(self.declared.written)
        require_root()
        make_room()
        base_image(self.progress.say)
        town_repository(self.progress.say)
        started = datetime.now(UTC)
        with self.stack() as stack:
            plan = self._plan(stack, refresh=True)
            if consent is not None:
                consent(plan)
            steps = stack.up(self.progress.step) if plan.steps else []
            self._write_access(stack.host_keys())
            close_connections(self.ssh_config, [step.name for step in steps if step.type == MACHINE])
            fresh = {step.name for step in steps if step.type == MACHINE and "create" in step.operation}
            store = self._begin(started)
            convergences, observations = self._configure(fresh, store, everything=everything, covered=covered)
            if not any(done.failed for done in convergences):
                applied.remember(self.state, plan)
        store.finish()
        return Applied(steps, convergences, self._run(started, observations, plan.digest))

    def verify(self) -> Run:
        """Look at every machine, read only, and judge; raise CouldNotAct when nothing was ever applied."""
        started = datetime.now(UTC)
        store = self._begin(started)
        observations = self._look(self.declared.desired.hosts(), store)
        store.finish()
        return self._run(started, observations)

    def replay(self, kept: KeptRun) -> Run:
        """Judge again what a run kept, as of its day: no machine is asked anything."""
        return self._run(kept.about.started, replay(self.declared.desired, self.declared.desired.hosts(), kept))

    def _begin(self, started: datetime) -> CaptureStore:
        """Begin the record of a run; raise CouldNotAct where nothing was ever applied."""
        _ = self.ssh_config
        return runs.begin(self.state, self.declared.city.town.name, started)

    def _run(self, started: datetime, observations: tuple[Observation, ...], plan: str = "") -> Run:
        """Return the record of a run; waivers count as of the day when it began, so that a replay judges alike."""
        return Run(
            town=self.declared.city.town.name,
            started=started,
            finished=datetime.now(UTC),
            plan_digest=plan,
            observations=observations,
            verdicts=self._verdicts(observations, started.date()),
        )

    def hang_up(self) -> None:
        """End every connection held to the town's machines: they are about to go."""
        with contextlib.suppress(CouldNotAct):
            close_connections(self.ssh_config, self.declared.city.machines())

    @property
    def ssh_config(self) -> Path:
        """Return the file that leads to the machines; raise CouldNotAct when nothing was ever applied."""
        path = self.state.part("ssh") / "ssh_config"
        if not path.is_file():
            raise CouldNotAct(say("stack-none", town=self.state.name), hint=say("stack-none-hint"))
        return path

    def _plan(self, stack: CityStack, *, refresh: bool) -> Plan:
        steps = stack.preview(refresh=refresh)
        before = applied.last_applied(self.state)
        return make_plan(
            self.declared.city,
            self.declared.desired,
            self.state.name,
            steps,
            applied=before.standing if before else None,
            folder=self.declared.place,
            profile=self.declared.profile,
            remedies=self.declared.replaced,
        )

    def _ensure_key(self) -> None:
        key = self.state.part("ssh") / "id_ed25519"
        if not key.with_suffix(".pub").is_file():
            key.unlink(missing_ok=True)
            run_command(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "beffroi deploy", "-f", str(key)])

    def _write_access(self, host_keys: dict[str, str]) -> None:
        from beffroi.targets.lab import workstation  # noqa: PLC0415 - imports Pulumi's SDK

        city = self.declared.city
        station = workstation(city)
        if station is None:
            raise CouldNotAct(say("declaration-no-workstation"), hint=say("declaration-no-workstation-hint"))
        enter = f"ip netns exec {self.place.namespace(station)} nc %h %p"
        door = Door(bastion=declaration.bastion(city), proxy_command=enter)
        write_ssh_config(self.state.part("ssh"), city, host_keys, door)

    def _configure(
        self, fresh: set[str], store: CaptureStore, *, everything: bool, covered: bool
    ) -> tuple[list[Convergence], tuple[Observation, ...]]:
        """Configure fresh machines whole, then on the others what drifted; return the last look at every machine."""
        hosts = self.declared.desired.hosts()
        whole = set(hosts) if everything else fresh
        done = [self._converge({host: self.declared.desired.settings(host) for host in hosts if host in whole})]
        seen = self._look(hosts, store)
        drifted = self._drifted(seen, set(hosts) - whole)
        if covered:
            self._add_uncovered(drifted, seen, set(hosts) - whole)
        if drifted:
            done.append(self._converge(drifted))
        return done, self._settled(seen, set(drifted) | whole, store)

    def _converge(self, settings: dict[str, dict[str, list[dict[str, Any]]]]) -> Convergence:
        if not any(settings.values()):
            return Convergence()
        stages = declaration.stages(self.declared.city)
        work = Work(settings, stages, self.ssh_config, self.declared.root / "roles")
        return converge(work, self.progress.action)

    def _drifted(self, seen: Iterable[Observation], hosts: set[str]) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """Return the settings of the kinds that do not pass: sound, since a role does nothing that is not observed.

        What is waived is enforced all the same: a waiver excuses a verdict and changes no setting (ADR 7).
        """
        drifted: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for verdict in self._not_passing(judge(self.declared.desired, seen), hosts):
            settings = self.declared.desired.settings(verdict.host)
            drifted.setdefault(verdict.host, {})[verdict.kind] = settings[verdict.kind]
        return drifted

    def _add_uncovered(
        self, drifted: dict[str, dict[str, list[dict[str, Any]]]], seen: Iterable[Observation], hosts: set[str]
    ) -> None:
        """Add what a pass does not answer for, and say how much of what is skipped is covered."""
        found, asked = coverage(self.declared.desired, (it for it in seen if it.host in hosts))
        self.progress.say(say("apply-coverage", covered=asked - len(found), asked=asked))
        for unseen in found:
            named = ", ".join(unseen.fields)
            self.progress.say(say("apply-uncovered", host=unseen.host, role=unseen.kind, fields=named))
            drifted.setdefault(unseen.host, {})[unseen.kind] = self.declared.desired.settings(unseen.host)[unseen.kind]

    def _verdicts(self, seen: Iterable[Observation], day: date | None = None) -> tuple[Verdict, ...]:
        return judge(self.declared.desired, seen, self.declared.waivers, day or datetime.now(UTC).date())

    def _not_passing(self, verdicts: Iterable[Verdict], hosts: set[str]) -> list[Verdict]:
        good = {Outcome.PASS, Outcome.NOT_APPLICABLE, Outcome.WAIVED}
        return [verdict for verdict in verdicts if verdict.host in hosts and verdict.outcome not in good]

    def _settled(
        self, seen: tuple[Observation, ...], touched: set[str], store: CaptureStore
    ) -> tuple[Observation, ...]:
        """Look again at touched machines until they pass: a clock, a first log line or a timer needs its seconds."""
        observations = {(observation.host, observation.kind): observation for observation in seen}
        deadline = time.monotonic() + _SETTLE_SECONDS
        looked_at = touched | self._collectors()
        # What is waived was enforced too: it is looked at once more, and never waited for.
        pending = self._not_passing(judge(self.declared.desired, seen), looked_at)
        while pending:
            kinds = frozenset(verdict.kind for verdict in pending)
            hosts = {verdict.host for verdict in pending}
            again = self._look(sorted(hosts), store, only=kinds)
            observations |= {(observation.host, observation.kind): observation for observation in again}
            if not touched or time.monotonic() > deadline:
                break
            time.sleep(_SETTLE_PAUSE)
            pending = self._not_passing(self._verdicts(observations.values()), looked_at)
        return tuple(observations.values())

    def _collectors(self) -> set[str]:
        """Return the machines whose verdicts depend on what others send them."""
        return set(self.declared.city.hosts_with_role(COLLECTOR_ROLE))

    def _look(
        self, hosts: list[str], store: CaptureStore, only: frozenset[str] = frozenset()
    ) -> tuple[Observation, ...]:
        def seen(observation: Observation) -> Observation:
            kept = store.keep(observation)
            self.progress.seen(kept)
            return kept

        open_door(self.ssh_config, declaration.bastion(self.declared.city))
        return look(self.declared.desired, hosts, self.ssh_config, only=only, seen=seen)
