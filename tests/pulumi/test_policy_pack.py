"""The policy pack in the hands of the real engine: it says what the gate says, and lets nothing pass unjudged."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pulumi
import pytest
from bench import Bench, Told
from cupboard import cupboard
from paper_town import Paper
from pulumi.automation import CommandError
from pydantic import ValidationError
from town import Town, executable

from beffroi.city import City
from beffroi.city.checks import mistakes_in
from beffroi.city.loader import load_city
from beffroi.components import City as CityComponent
from beffroi.components.declared import CITY, DECLARATION, SERVER
from beffroi.gate import compares, judge
from beffroi.pack.content import Content, load
from beffroi.policy import Example, Level, example_town, load_policies
from beffroi.provider.serve import serve
from beffroi.remedy import remedied
from beffroi.rules import Commitment, Proposal
from beffroi.waiver import Waiver

pytestmark = pytest.mark.pulumi

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "policies"
BASE = example_town(ROOT)
SSH = "network/ssh-through-the-bastion"
CLEAR = "data/encrypted-in-transit"
HANDY: dict[str, Any] = {"flows": [{"name": "handy", "from": "desks", "to": "db", "service": "ssh"}]}
IN_CLEAR: dict[str, Any] = {
    "flows": [{"name": "plain", "from": "internet", "to": "web", "service": "http", "processing": "requests"}]
}


@pytest.fixture(scope="module", name="content")
def _content() -> Content:
    return load(POLICIES, "town")


@pytest.fixture(name="pack")
def _pack(tmp_path: Path) -> Path:
    """A pack of two policies, a mandatory one and an advisory one, for tests that are not about policies."""
    folder = tmp_path / "content/policies"
    shutil.copytree(ROOT / "compliance", folder.parent / "compliance")
    for name in ("PulumiPolicy.yaml", f"{SSH}.yml", f"{CLEAR}.yml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(POLICIES / name, folder / name)
    return folder


@pytest.fixture(name="analyzer")
def _analyzer(tmp_path: Path) -> Path:
    """A folder for PATH that holds `pulumi-analyzer-policy-beffroi`, as an installed Beffroi has it."""
    executable(tmp_path / "bin/pulumi-analyzer-policy-beffroi", sys.executable, "-m", "beffroi.pack.plugin")
    return tmp_path / "bin"


@pytest.fixture
def bench(tmp_path: Path, pulumi_cli: Path, analyzer: Path) -> Iterator[Bench]:
    service = serve(cupboard())
    path = f"{analyzer}:{os.environ['PATH']}"
    environment = {"PULUMI_DEBUG_PROVIDERS": f"cupboard:{service.port}", "PATH": path, "BEFFROI_LANG": "en"}
    bench = Bench(tmp_path, pulumi_cli, environment)
    yield bench
    service.stop(grace=0)
    bench.close()


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEFFROI_LANG", "en")


def _town(change: dict[str, Any] | None = None) -> City:
    return Example(why="x").city(BASE, change or {})


def _declaring(city: City) -> Callable[[], object]:
    return lambda: CityComponent(city, Paper())


def _said(told: Told) -> list[tuple[str, str, str, str]]:
    """Policy, level, the component that it is about, and the sentence; the way out is left away."""
    events = [event.policy_event for event in told.events if event.policy_event]
    return sorted(
        (it.policy_name, it.enforcement_level, it.resource_urn.rpartition("::")[2], _sentence(it.message))
        for it in events
    )


def _sentence(message: str) -> str:
    """The line before the way out: Pulumi puts the policy's title before, and marks the end of colours."""
    lines = re.sub(r"<\{%[^%]*%\}>", "", message).splitlines()
    return next(before for before, after in pairwise(lines) if after.startswith("  -> "))


def _gate(city: City, content: Content) -> list[tuple[str, str, str, str]]:
    safe, _ = remedied(city, content.policies)
    proposal = Proposal(Commitment(safe, content.controls, content.policies), datetime.now(UTC).date())
    levels = {Level.ADVISORY: "advisory"}
    return sorted(
        (it.policy, levels.get(it.level, "mandatory"), _component(it.path, city), f"{it.field}: {it.told()}")
        for it in judge(proposal, content.policies).violations
    )


def _component(path: tuple[str | int, ...], city: City) -> str:
    return str(path[1]) if path[0] in {"hosts", "gateways", "segments"} else city.town.name


def _many_faults(content: Content) -> City:
    """One town with a bad example of as many policies as fit together."""
    change: dict[str, Any] = {}
    for index, policy in enumerate(it for it in content.policies.values() if not compares(it)):
        for example in policy.bad:
            flows = [{**flow, "name": f"fault-{index}-{at}"} for at, flow in enumerate(example.town.get("flows", []))]
            tried = {**_merged(change, example.town), "flows": [*change.get("flows", []), *flows]}
            if _holds_together(tried):
                change = tried
                break
    return _town(change)


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = {key for key in one.keys() & other.keys() if isinstance(one[key], dict) and isinstance(other[key], dict)}
    return {**one, **other, **{key: _merged(one[key], other[key]) for key in both}}


def _holds_together(change: dict[str, Any]) -> bool:
    try:
        return not mistakes_in(_town(change))
    except ValidationError:
        return False


# What the gate says, Pulumi says


def test_a_town_with_many_faults_is_told_by_pulumi_as_by_the_gate(bench: Bench, content: Content) -> None:
    city = _many_faults(content)
    bench.program = _declaring(city)
    told = bench.preview(policy_packs=[str(POLICIES)])
    expected = _gate(city, content)
    unjudged = {"pack/changes-are-judged-by-the-gate"}
    assert [it for it in _said(told) if it[0] not in unjudged] == expected
    assert len({policy for policy, *_ in expected}) >= 10
    assert told.error


def test_the_reference_city_is_told_by_pulumi_as_by_the_gate(bench: Bench, content: Content) -> None:
    city = load_city(ROOT / "inventory/bourg-sur-gave")
    bench.program = _declaring(city)
    told = bench.preview(policy_packs=[str(POLICIES)])
    expected = _gate(city, content)
    assert [it for it in _said(told) if not it[0].startswith("pack/")] == expected != []
    assert bool(told.error) == any(level == "mandatory" for _, level, *_ in expected)


def test_a_clean_town_passes_and_a_second_preview_is_silent(bench: Bench, pack: Path) -> None:
    bench.program = _declaring(_town())
    assert bench.up(policy_packs=[str(pack)]).error is None
    told = bench.preview(policy_packs=[str(pack)], expect_no_changes=True)
    assert (told.error, [it for it in _said(told) if not it[0].startswith("pack/")]) == (None, [])


def test_a_fault_of_a_store_stands_on_its_server(bench: Bench) -> None:
    bench.program = _declaring(_town({"processing": {"surveillance": {"stores": []}}}))
    told = bench.preview(policy_packs=[str(POLICIES)])
    urns = {event.policy_event.resource_urn for event in told.events if event.policy_event}
    assert any(urn.endswith(f"{SERVER}::recorder") for urn in urns)


def test_pulumi_speaks_french_to_a_french_reader(bench: Bench, pack: Path) -> None:
    bench.environment = {**bench.environment, "BEFFROI_LANG": "fr"}
    bench.program = _declaring(_town(HANDY))
    told = bench.preview(policy_packs=[str(pack)])
    assert "ouvre le port 22" in next(it[3] for it in _said(told) if it[0] == SSH)


def test_a_waiver_that_the_component_carries_counts(bench: Bench, pack: Path) -> None:
    text = {"fr": "x", "en": "x"}
    who = {"owner": "it", "approver": "dpo", "reason": text, "compensating": "x", "until": "2999-12-31"}
    waiver = Waiver.model_validate({"policy": SSH, "subject": "handy", **who})
    bench.program = lambda: CityComponent(_town(HANDY), Paper(), waivers=[waiver])
    told = bench.preview(policy_packs=[str(pack)])
    assert [(it[1], it[3][:7]) for it in _said(told) if it[0] == SSH] == [("advisory", "waived:")]


# An update


def test_an_up_that_a_mandatory_policy_refuses_makes_nothing(bench: Bench, pack: Path) -> None:
    bench.program = _declaring(_town(HANDY))
    told = bench.up(policy_packs=[str(pack)])
    assert told.error
    assert SSH in {policy for policy, *_ in _said(told)}
    assert bench.boxes() == {}


def test_an_up_that_only_advice_is_given_on_goes_on(bench: Bench, pack: Path) -> None:
    bench.program = _declaring(_town(IN_CLEAR))
    told = bench.up(policy_packs=[str(pack)])
    assert told.error is None
    assert [(it[0], it[1]) for it in _said(told) if not it[0].startswith("pack/")] == [
        ("data/encrypted-in-transit", "advisory")
    ]
    assert "machine-db" in bench.boxes()


def test_only_the_component_whose_declaration_changed_is_updated(bench: Bench) -> None:
    bench.program = _declaring(_town())
    bench.up()
    bench.program = _declaring(_town({"hosts": {"db": {"label": {"fr": "Base", "en": "Base"}}}}))
    told = bench.preview()
    found = [event.resource_pre_event.metadata for event in told.events if event.resource_pre_event]
    assert {it.urn.rpartition("::")[2] for it in found if str(it.op.value) == "update"} == {"example", "db"}


# What cannot be judged


def test_a_value_that_is_not_known_yet_is_undecided_and_refused(bench: Bench, pack: Path) -> None:
    def program() -> None:
        box = bench.box("oak")
        pulumi.ComponentResource(CITY, "example", {DECLARATION: box.output("state")})

    bench.program = program
    told = bench.preview(policy_packs=[str(pack)])
    assert told.error
    assert [(it[0], it[1]) for it in _said(told)] == [("pack/city-is-sound", "mandatory")]
    assert "could not be decided" in _said(told)[0][3]


def test_a_stack_without_a_city_is_refused_in_one_sentence(bench: Bench, pack: Path) -> None:
    bench.program = lambda: bench.box("oak")
    told = bench.preview(policy_packs=[str(pack)])
    assert told.error
    assert [(it[0], it[1]) for it in _said(told)] == [("pack/city-is-sound", "mandatory")]


def test_a_hand_written_city_of_bad_values_is_told_field_by_field(bench: Bench, pack: Path) -> None:
    broken = json.loads(_town().model_dump_json(by_alias=True))
    broken["segments"]["dmz"]["vlan"] = "thirty"
    bench.program = lambda: pulumi.ComponentResource(CITY, "example", {DECLARATION: json.dumps(broken)})
    told = bench.preview(policy_packs=[str(pack)])
    assert [(it[0], it[3].partition(": ")[0]) for it in _said(told)] == [("pack/city-is-sound", "segments.dmz.vlan")]


def test_a_pack_that_cannot_be_read_stops_pulumi_with_the_place(bench: Bench, pack: Path) -> None:
    (pack / "network/wrong.yml").write_text("title: {fr: x, en: x}\nlevel: loud\n")
    bench.program = _declaring(_town())
    told = bench.preview(policy_packs=[str(pack)])
    assert told.error
    said = f"{told.text}\n{told.error}"
    assert "policies/network/wrong.yml:2: level:" in said
    assert "Traceback" not in said


def _in_colours(bench: Bench, pack: Path, **options: bool) -> str:
    """What a preview shows in colours; CommandError when Pulumi refuses, or dies."""
    lines: list[str] = []
    with contextlib.suppress(CommandError):
        bench.stack.preview(policy_packs=[str(pack)], color="always", on_output=lines.append, **options)
    return "\n".join(lines)


HOSTILE = "<{%fg 7%}>"


def test_a_hostile_value_does_not_kill_pulumi_through_the_packs_words(bench: Bench, pack: Path) -> None:
    town = json.loads(_town().model_dump_json(by_alias=True))
    town["hosts"]["db"]["os"] = HOSTILE
    # Written as no City component writes it, and with its colour out of the display's sight.
    text = json.dumps(town).replace("<", "\\u003c")
    bench.program = lambda: pulumi.ComponentResource(CITY, "example", {DECLARATION: text})
    assert "`<{ %fg 7%}>`" in _in_colours(bench, pack)


def test_a_hostile_label_does_not_kill_pulumi_through_a_components_inputs(bench: Bench, pack: Path) -> None:
    bench.program = _declaring(_town({"hosts": {"db": {"label": {"fr": HOSTILE, "en": HOSTILE}}}}))
    assert "<{ %fg 7%}>" in _in_colours(bench, pack, diff=True)


# Remedies


MODE = "data/stores-are-closed-to-others"
OPEN: dict[str, Any] = {"hosts": {"db": {"stores": {"requests": {"mode": "0777"}}}}}


@pytest.fixture(name="remedies")
def _remedies(pack: Path) -> Path:
    """A pack of one policy with a remedy beside the two others."""
    (pack / "data").mkdir(exist_ok=True)
    shutil.copy(POLICIES / f"{MODE}.yml", pack / f"{MODE}.yml")
    return pack


def _remedied(told: Told) -> set[tuple[str, str]]:
    """Return each policy that Pulumi says to have remedied, and of what: the SDK has no event for it."""
    return set(re.findall(r"^ +- \[remediate\] +(\S+) +\((.+)\)$", told.text, re.MULTILINE))


def test_a_remedy_is_made_by_pulumi_as_by_the_gate(bench: Bench, remedies: Path) -> None:
    city, replaced = remedied(_town(OPEN), load_policies(remedies.parent))
    bench.program = _declaring(_town(OPEN))
    told = bench.up(policy_packs=[str(remedies)])
    assert (told.error, {policy for policy, _ in _remedied(told)}) == (None, {it.policy for it in replaced})
    inputs = {it["type"]: it["inputs"] for it in bench.stack.export_stack().deployment["resources"] if "inputs" in it}
    assert json.loads(inputs[CITY][DECLARATION]) == city.model_dump(mode="json", by_alias=True)


def test_a_remedy_stands_on_the_city_and_on_the_server(bench: Bench, remedies: Path) -> None:
    bench.program = _declaring(_town(OPEN))
    told = bench.preview(policy_packs=[str(remedies)])
    assert (told.error, _remedied(told)) == (None, {(MODE, "2 resources")})
    assert 'hosts.db.stores.requests.mode: planned with "0750" instead of "0777"' in told.text


def test_a_remedy_that_pulumi_would_have_to_provision_refuses(bench: Bench, remedies: Path) -> None:
    text = (remedies / f"{MODE}.yml").read_text()
    changed = text.replace("[store]", "[host]").replace('remedy: {mode: "0750"}', "remedy: {os: debian-13}")
    changed = re.sub(r"^schema: .*$", "schema: {properties: {os: {const: debian-13}}}", changed, flags=re.MULTILINE)
    (remedies / f"{MODE}.yml").write_text(changed)
    bench.program = _declaring(_town())
    told = bench.preview(policy_packs=[str(remedies)])
    assert told.error
    assert _remedied(told) == set()
    assert {it[1] for it in _said(told) if it[0] == MODE} == {"mandatory"}


def test_a_program_that_made_the_remedy_itself_is_not_refused(bench: Bench, remedies: Path) -> None:
    city, _ = remedied(_town(OPEN), load_policies(remedies.parent))
    bench.program = _declaring(city)
    told = bench.preview(policy_packs=[str(remedies)])
    assert (told.error, _remedied(told)) == (None, set())


# How it is set


def test_no_flag_disarms_a_policy(bench: Bench, pack: Path, tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({SSH: "disabled"}))
    bench.program = _declaring(_town(HANDY))
    told = bench.preview(policy_packs=[str(pack)], policy_pack_configs=[str(settings)])
    assert "does not support config" in f"{told.text}\n{told.error}"


def test_the_profile_of_the_pack_is_an_option_of_its_runtime(bench: Bench, pack: Path) -> None:
    (pack / "PulumiPolicy.yaml").write_text("runtime: {name: beffroi, options: {profile: harbour}}\n")
    bench.program = _declaring(_town())
    told = bench.preview(policy_packs=[str(pack)])
    assert "compliance/profiles/harbour.yml" in f"{told.text}\n{told.error}"


# By hand, and on a state


def _pulumi(bench: Bench, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the CLI with neither a passphrase nor a stack."""
    environment = {**os.environ, **bench.environment, "PULUMI_HOME": str(bench.root / "home")}
    environment.pop("PULUMI_CONFIG_PASSPHRASE", None)
    command = [str(bench.cli), "--non-interactive", "--color=never", *words]
    return subprocess.run(
        command, cwd=bench.root, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_an_exported_state_is_judged_without_program_nor_passphrase(bench: Bench, pack: Path) -> None:
    bench.program = _declaring(_town(HANDY))
    bench.up()
    state = bench.root / "state.json"
    state.write_text(json.dumps(bench.stack.export_stack().__dict__))
    told = _pulumi(bench, "policy", "analyze", "--file", str(state), "--policy-pack", str(pack))
    assert told.returncode != 0
    assert SSH in told.stdout
    assert "flows.0.from: flow handy opens port 22 of db from desks" in told.stdout


def test_the_state_of_a_clean_town_passes(bench: Bench, pack: Path) -> None:
    bench.program = _declaring(_town())
    bench.up()
    state = bench.root / "state.json"
    state.write_text(json.dumps(bench.stack.export_stack().__dict__))
    told = _pulumi(bench, "policy", "analyze", "--file", str(state), "--policy-pack", str(pack))
    assert told.returncode == 0, told.stdout + told.stderr


PROGRAM = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from beffroi.city.loader import load_city
from beffroi.components import City
from paper_town import Paper
City(load_city(Path({str(ROOT / "tests/cases/minimal")!r})), Paper())
"""


def test_a_preview_by_hand_tells_the_policies(town: Town, analyzer: Path) -> None:
    assert analyzer == town.root / "bin"
    (town.root / "project/__main__.py").write_text(PROGRAM)
    with town.start("preview", "--policy-pack", str(POLICIES)) as process:
        said = process.communicate(timeout=60)[0]
    assert process.returncode == 1, said
    assert "[mandatory]  data/no-device-reaches-stores  (beffroi:city:City: petit-bourg)" in said
    assert "flows.0: flow requests-from-desks lets desks talk to records, which keeps data" in said


# The process


def test_the_pack_prints_its_port_alone_and_ends_at_once_when_interrupted() -> None:
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "beffroi.pack.plugin", "127.0.0.1:1", "."]
    with subprocess.Popen(command, cwd=POLICIES, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert 0 < int(process.stdout.readline()) < 65536
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
    assert (process.returncode, rest) == (0, "")
    assert time.monotonic() - asked < 10
