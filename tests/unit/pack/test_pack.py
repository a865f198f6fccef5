"""What the policy pack answers when something is amiss: it never says that a policy holds which it did not judge."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import grpc
import pytest
from packed import Engine, urn
from pulumi.runtime.proto import analyzer_pb2 as proto

from beffroi import gate, rules
from beffroi.city import City
from beffroi.components.declared import CITY, DECLARATION, GATEWAY, SEGMENT, SERVER, city_inputs, plain
from beffroi.pack.content import Content
from beffroi.pack.declared import read
from beffroi.pack.judging import CHANGES_ARE_ELSEWHERE, CITY_IS_SOUND
from beffroi.pack.plugin import profile_of
from beffroi.policy import Example, Level, Policy
from beffroi.provider.wire import UNKNOWN, Secret, unmarshal_struct
from beffroi.remedy import remedied
from beffroi.rules import Breach
from beffroi.waiver import Waiver

ROOT = Path(__file__).parents[3]
SSH = "network/ssh-through-the-bastion"
HANDY: dict[str, Any] = {"flows": [{"name": "handy", "from": "desks", "to": "db", "service": "ssh"}]}
Town = Callable[..., City]
Said = proto.AnalyzeDiagnostic


@pytest.fixture(name="town")
def _town(base: dict[str, Any]) -> Town:
    return lambda change=None, why="x": Example(why=why, town=change or {}).city(base, change or {})


def _refusals(response: proto.AnalyzeResponse) -> list[Said]:
    return [it for it in response.diagnostics if it.enforcementLevel == proto.MANDATORY]


def _judged_nothing(engine: Engine, response: proto.AnalyzeResponse) -> None:
    assert {it.policyName for it in response.diagnostics} == {CITY_IS_SOUND}
    assert _refusals(response) == list(response.diagnostics)
    assert {it.policy_name for it in response.not_applicable} == set(engine.content.policies)


def _carrying(engine: Engine, inputs: dict[str, Any], ignored: tuple[str, ...] = ()) -> proto.AnalyzeResponse:
    engine.analyze(CITY, "example", inputs, ignored)
    return engine.analyze_stack([(CITY, "example", "")])


# What cannot be judged


def test_a_town_without_violation_passes(engine: Engine, town: Town) -> None:
    engine.content = Content({SSH: engine.content.policies[SSH]})
    assert not engine.preview(town()).diagnostics


def test_an_unknown_declaration_is_undecided_and_refused(engine: Engine) -> None:
    response = _carrying(engine, {DECLARATION: UNKNOWN})
    _judged_nothing(engine, response)
    assert "declaration: could not be decided" in response.diagnostics[0].message


def test_an_unknown_waiver_is_undecided_and_refused(engine: Engine, town: Town) -> None:
    response = _carrying(engine, {**city_inputs(town(), ()), "waivers": [{"policy": UNKNOWN}]})
    _judged_nothing(engine, response)
    assert "waivers.0.policy: could not be decided" in response.diagnostics[0].message


def test_a_secret_is_not_judged_and_not_shown(engine: Engine) -> None:
    response = _carrying(engine, {DECLARATION: Secret("hunter2")})
    _judged_nothing(engine, response)
    assert "hunter2" not in str(response)


def test_a_city_that_ignores_changes_is_not_judged(engine: Engine, town: Town) -> None:
    response = _carrying(engine, city_inputs(town(), ()), (DECLARATION,))
    _judged_nothing(engine, response)
    assert "ignores changes (declaration)" in response.diagnostics[0].message


def test_a_city_without_a_declaration_is_not_judged(engine: Engine) -> None:
    _judged_nothing(engine, _carrying(engine, {}))


@pytest.mark.parametrize("written", ["{", "[" * 100_000, "7" * 5_000, "nul"])
def test_what_is_not_json_is_told(engine: Engine, written: str) -> None:
    response = _carrying(engine, {DECLARATION: written})
    _judged_nothing(engine, response)
    assert "Traceback" not in str(response)


@pytest.mark.parametrize("value", [1, True, [], {}, "[]", "null", '"town"', "{}", "NaN"])
def test_what_is_no_town_is_told(engine: Engine, value: object) -> None:
    _judged_nothing(engine, _carrying(engine, {DECLARATION: value}))


def test_a_bad_value_is_told_with_its_field(engine: Engine, town: Town) -> None:
    plain = json.loads(town().model_dump_json(by_alias=True))
    plain["hosts"]["db"]["interfaces"]["servers"]["ipv4"] = "10.0.20.999"
    response = _carrying(engine, {DECLARATION: json.dumps(plain)})
    _judged_nothing(engine, response)
    assert response.diagnostics[0].message.startswith("hosts.db.interfaces.servers.ipv4: ")


def test_parts_that_do_not_hold_together_are_told_and_the_policies_still_judge(engine: Engine, town: Town) -> None:
    response = engine.preview(town({**HANDY, "hosts": {"db": {"responsible": "nobody"}}}))
    assert {it.policyName for it in _refusals(response)} >= {CITY_IS_SOUND, SSH}
    assert any(it.message.startswith("hosts.db.responsible: ") for it in response.diagnostics)


def test_a_stack_without_a_city_is_refused(engine: Engine) -> None:
    _judged_nothing(engine, engine.analyze_stack([("pulumi:pulumi:Stack", "town-dev", "")]))


def test_a_city_that_was_never_told_is_refused(engine: Engine) -> None:
    response = engine.analyze_stack([(CITY, "example", "")])
    _judged_nothing(engine, response)
    assert response.diagnostics[0].urn == urn(CITY, "example")


def test_a_rule_that_breaks_refuses_and_the_others_still_judge(
    engine: Engine, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> list[Breach]:
        words = "boom"
        raise ZeroDivisionError(words)

    monkeypatch.setattr(rules.load("personal_data_in_clear"), "find", broken)
    refusals = {it.policyName: it.message for it in _refusals(engine.preview(town(HANDY)))}
    assert refusals["data/encrypted-in-transit"].startswith("could not judge: ZeroDivisionError: boom")
    assert SSH in refusals


# What a violation becomes


def test_a_violation_stands_on_the_component_that_it_is_about(engine: Engine, town: Town) -> None:
    response = engine.preview(town({"processing": {"surveillance": {"stores": []}}}))
    [said] = [it for it in response.diagnostics if it.policyName == "data/one-retention-per-store"]
    assert said.urn == urn(SERVER, "recorder")


_NAMES = ("flow", "port", "destination", "source")


@pytest.mark.parametrize(("path", "kind"), [(("gateways", "router", "os"), GATEWAY), (("segments", "dmz"), SEGMENT)])
def test_gateways_and_segments_are_pointed_at(
    engine: Engine, town: Town, path: tuple[str, ...], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    breach = Breach(path[1], path, dict.fromkeys(_NAMES, "x"))
    monkeypatch.setattr(rules.load("port_sources"), "find", lambda *_: [breach])
    [said] = [it for it in engine.preview(town()).diagnostics if it.policyName == SSH]
    assert said.urn == urn(kind, path[1])


def test_a_violation_of_a_flow_stands_on_the_city(engine: Engine, town: Town) -> None:
    [said] = [it for it in engine.preview(town(HANDY)).diagnostics if it.policyName == SSH]
    assert said.urn == urn(CITY, "example")


def test_an_update_is_refused_before_anything_of_the_town_is_made(engine: Engine, town: Town) -> None:
    engine.configure(dry_run=False)
    response = engine.analyze(CITY, "example", city_inputs(town(HANDY), ()))
    assert SSH in {it.policyName for it in _refusals(response)}
    assert len(_refusals(response)) == len(response.diagnostics)


def test_a_preview_is_judged_once_at_its_end(engine: Engine, town: Town) -> None:
    engine.configure(dry_run=True)
    assert not engine.analyze(CITY, "example", city_inputs(town(HANDY), ())).diagnostics


def _waiver(until: str) -> Waiver:
    reason = {"fr": "x", "en": "x"}
    fields = {"policy": SSH, "subject": "handy", "owner": "it", "approver": "dpo", "compensating": "x"}
    return Waiver.model_validate({**fields, "reason": reason, "until": until})


def test_a_waiver_that_counts_lets_pass_and_says_so(engine: Engine, town: Town) -> None:
    engine.content = Content({SSH: engine.content.policies[SSH]})
    [said] = engine.preview(town(HANDY), (_waiver("2026-01-01"),)).diagnostics
    assert (said.enforcementLevel, said.message.startswith("waived: flows.0")) == (proto.ADVISORY, True)


def test_a_waiver_that_has_ended_lets_nothing_pass(engine: Engine, town: Town) -> None:
    engine.content = Content({SSH: engine.content.policies[SSH]})
    [said] = engine.preview(town(HANDY), (_waiver("2025-12-31"),)).diagnostics
    assert (said.enforcementLevel, "waived" in said.message) == (proto.MANDATORY, False)


def test_a_doubt_about_a_mandatory_policy_refuses_and_says_so(
    engine: Engine, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubt = Breach("handy", ("flows",), dict.fromkeys(_NAMES, "x"), doubtful=True)
    monkeypatch.setattr(rules.load("port_sources"), "find", lambda *_: [doubt])
    engine.content = Content({SSH: engine.content.policies[SSH]})
    [said] = engine.preview(town()).diagnostics
    assert (said.enforcementLevel, said.message.startswith("could not be decided: ")) == (proto.MANDATORY, True)


def _schema_policy(level: Level, **more: object) -> Policy:
    text = {"fr": "texte", "en": "text"}
    return Policy.model_validate(
        {
            "id": "hosts/debian-13",
            "title": text,
            "rationale": text,
            "level": level,
            "applies_to": ["host"],
            "schema": {"properties": {"os": {"const": "debian-13"}}},
            "hint": {"fr": "changez", "en": "change it"},
            "good": [{"why": "x"}],
            "bad": [{"why": "x"}],
            **more,
        }
    )


# Remedies


MODE = "data/stores-are-closed-to-others"
OPEN: dict[str, Any] = {"hosts": {"db": {"stores": {"requests": {"mode": "0777"}}}}}


def test_a_remedy_of_what_pulumi_provisions_is_told_and_not_made(engine: Engine, town: Town) -> None:
    policy = _schema_policy(Level.REMEDIATE, remedy={"os": "debian-13"})
    engine.content = Content({policy.id: policy})
    inputs = city_inputs(town(), ())
    assert engine.remediate(CITY, "example", inputs) == []
    engine.analyze(CITY, "example", inputs)
    response = engine.analyze_stack([(CITY, "example", "")])
    assert len(_refusals(response)) == len(town().hosts)
    assert all('{"os": "debian-13"}' in it.message for it in response.diagnostics)


def test_a_remedy_of_what_is_only_configured_is_the_gates(engine: Engine, town: Town) -> None:
    city, replaced = remedied(town(OPEN), engine.content.policies)
    [made] = engine.remediate(CITY, "example", city_inputs(town(OPEN), ()))
    assert (made.policyName, [it.policy for it in replaced]) == (MODE, [MODE])
    assert read(unmarshal_struct(made.properties)).city == city


def test_what_a_remedy_put_there_is_then_judged(engine: Engine, town: Town) -> None:
    [made] = engine.remediate(CITY, "example", city_inputs(town(OPEN), ()))
    response = _carrying(engine, unmarshal_struct(made.properties))
    assert MODE not in {it.policyName for it in response.diagnostics}


def test_the_server_of_a_mended_store_is_mended_too(engine: Engine, town: Town) -> None:
    engine.remediate(CITY, "example", city_inputs(town(OPEN), ()))
    [made] = engine.remediate(SERVER, "db", plain(town(OPEN).hosts["db"]))
    properties: Any = unmarshal_struct(made.properties)
    assert (made.policyName, properties["stores"]["requests"]["mode"]) == (MODE, "0750")
    assert engine.remediate(SERVER, "web", plain(town(OPEN).hosts["web"])) == []


def test_what_a_waiver_names_is_not_remedied(engine: Engine, town: Town) -> None:
    text = {"fr": "x", "en": "x"}
    about = {"policy": MODE, "subject": "requests", "reason": text, "until": "2020-01-01"}
    waiver = Waiver.model_validate({**about, "owner": "it", "approver": "dpo", "compensating": "x"})
    assert engine.remediate(CITY, "example", city_inputs(town(OPEN), (waiver,))) == []


def test_what_cannot_be_read_is_not_remedied(engine: Engine, town: Town) -> None:
    assert engine.remediate(CITY, "example", {**city_inputs(town(OPEN), ()), DECLARATION: UNKNOWN}) == []


@pytest.mark.parametrize(("language", "words"), [("fr", "ouvre le port"), ("en", "opens port")])
def test_the_pack_speaks_the_readers_language(
    engine: Engine, town: Town, monkeypatch: pytest.MonkeyPatch, language: str, words: str
) -> None:
    monkeypatch.setenv("BEFFROI_LANG", language)
    [said] = [it for it in engine.preview(town(HANDY)).diagnostics if it.policyName == SSH]
    title = engine.content.policies[SSH].title.of(language)
    assert (words in said.message, said.description) == (True, title)


def test_a_hostile_text_can_neither_kill_pulumi_nor_act_on_a_terminal(engine: Engine, town: Town) -> None:
    policy = _schema_policy(Level.MANDATORY, schema={"properties": {"label": {"maxProperties": 0}}})
    engine.content = Content({policy.id: policy})
    hostile = "<{%fg 7%}>"
    response = engine.preview(town({"hosts": {"db": {"label": {"fr": hostile, "en": hostile}}}}))
    [said] = [it for it in response.diagnostics if it.message.startswith("hosts.db.")]
    assert ("<{%" in said.message, "<{ %fg 7%}>" in said.message) == (False, True)


# What the pack says of itself


def test_the_pack_lists_every_policy_and_its_level(engine: Engine) -> None:
    listed = {it.name: it.enforcementLevel for it in engine.information().policies}
    levels = {Level.ADVISORY: proto.ADVISORY, Level.REMEDIATE: proto.REMEDIATE}
    assert listed.pop(CITY_IS_SOUND) == proto.MANDATORY
    listed.pop(CHANGES_ARE_ELSEWHERE, None)
    assert listed == {name: levels.get(it.level, proto.MANDATORY) for name, it in engine.content.policies.items()}


def test_no_flag_of_the_command_line_disarms_a_policy(engine: Engine) -> None:
    assert not engine.information().supportsConfig


def test_policies_about_a_change_are_listed_as_unjudged(
    engine: Engine, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.content = Content({name: engine.content.policies[name] for name in (SSH, "data/encrypted-in-transit")})
    comparing = rules.load("port_sources")
    monkeypatch.setattr(rules, "compares", lambda rule, _params=None: rule is comparing)
    assert SSH in engine.information().description
    response = engine.preview(town(HANDY))
    assert SSH not in {it.policyName for it in response.diagnostics}
    assert {it.policy_name for it in response.not_applicable} == {SSH}
    [told] = [it for it in response.diagnostics if it.policyName == CHANGES_ARE_ELSEWHERE]
    assert (SSH in told.message, told.enforcementLevel) == (True, proto.ADVISORY)


def test_what_the_gate_leaves_unasked_is_what_the_pack_leaves_unjudged(engine: Engine, town: Town) -> None:
    commitment = rules.Commitment(town(), engine.content.controls, engine.content.policies)
    decision = gate.judge(rules.Proposal(commitment, date(2026, 1, 1)), engine.content.policies)
    listed = {it.name for it in engine.information().policies if it.description.startswith("Not judged here")}
    assert listed == set(decision.unasked)


# The pack's folder


def _folder(root: Path, *, policies: bool = True) -> Path:
    shutil.copytree(ROOT / "compliance", root / "compliance")
    if policies:
        shutil.copytree(ROOT / "policies", root / "policies")
    else:
        (root / "policies").mkdir()
    return root / "policies"


def _complaint(engine: Engine, folder: Path) -> str:
    engine.handshake(folder)
    with pytest.raises(grpc.RpcError) as refused:
        engine.information()
    return str(refused.value.details())


def test_the_pack_reads_the_folder_that_pulumi_names(reading_engine: Engine, tmp_path: Path) -> None:
    reading_engine.handshake(_folder(tmp_path))
    assert SSH in {it.name for it in reading_engine.information().policies}


def test_an_unreadable_policy_is_told_with_its_line(reading_engine: Engine, tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    (folder / "network" / "wrong.yml").write_text("title: {fr: x, en: x}\nlevel: loud\n")
    said = _complaint(reading_engine, folder)
    assert "policies/network/wrong.yml:2: level: " in said
    assert "Traceback" not in said


def test_a_folder_of_another_name_is_told(reading_engine: Engine, tmp_path: Path) -> None:
    assert f"`{tmp_path.name}`" in _complaint(reading_engine, tmp_path)


def test_a_pack_without_a_policy_is_told(reading_engine: Engine, tmp_path: Path) -> None:
    assert "no policy in this pack" in _complaint(reading_engine, _folder(tmp_path, policies=False))


def test_a_pack_without_controls_is_told(reading_engine: Engine, tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    shutil.rmtree(tmp_path / "compliance")
    assert "compliance/profiles/town.yml" in _complaint(reading_engine, folder)


@pytest.mark.parametrize(
    ("arguments", "profile"),
    [(["127.0.0.1:1", "."], "town"), (["127.0.0.1:1", ".", "-profile=strict"], "strict"), ([], "town")],
)
def test_the_profile_is_an_option_of_the_runtime(arguments: list[str], profile: str) -> None:
    assert profile_of(arguments) == profile


def test_the_console_script_is_named_as_pulumi_looks_for_it() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    assert scripts["pulumi-analyzer-policy-beffroi"] == "beffroi.pack.plugin:main"
    assert "runtime: beffroi\n" in (ROOT / "policies" / "PulumiPolicy.yaml").read_text("utf-8")
