"""Rulesets as nobody should write them: each gets a clear answer, in bounded time and memory."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from beffroi.city import Flow
from beffroi.city.loader import load_city
from beffroi.cli.verbs import program
from beffroi.network.compiling import compiled
from beffroi.network.firewall import Case, Firewall
from beffroi.network.reader import NotAFirewall, read

HAMLET = Path(__file__).parents[3] / "tests" / "cases" / "hamlet"
TABLE = {"family": "inet", "table": "t"}
MOST_SECONDS, MOST_MEBIBYTES = 120, 1500
HOSTILE = "\x1b[31m\u202eevil\n::error::`$(id)`<script>|\u2066\x00"


def _source(value: object, family: str = "ip") -> dict[str, Any]:
    return {"match": {"op": "==", "left": {"payload": {"protocol": family, "field": "saddr"}}, "right": value}}


def _read(*expressions: object, sets: tuple[dict[str, Any], ...] = ()) -> Firewall:
    """Read one rule of one chain."""
    objects: list[dict[str, Any]] = [
        {"table": {"family": "inet", "name": "t"}},
        *({"set": {**TABLE, **each}} for each in sets),
        {"chain": {**TABLE, "name": "c", "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
        {"rule": {**TABLE, "chain": "c", "expr": [*expressions, {"accept": None}]}},
    ]
    return read({"nftables": objects})


def _cases(*expressions: object, sets: tuple[dict[str, Any], ...] = ()) -> tuple[Case, ...]:
    (rule,) = _read(*expressions, sets=sets).tables[0].chains["c"].rules
    return rule.cases


@pytest.mark.parametrize(
    "document",
    [
        None,
        5,
        "nftables",
        {"nftables": {}},
        {"nftables": [5]},
        {"nftables": [{"rule": 5}]},
        {"nftables": [{"chain": {"family": "inet", "table": "t", "name": 5}}]},
        {"nftables": [{"rule": {**TABLE, "chain": "c", "expr": [{"accept": None, "drop": None}]}}]},
        {"nftables": [{"rule": {**TABLE, "chain": "c", "expr": [{"jump": "c"}]}}]},
        {"nftables": [{"set": {**TABLE, "name": "s", "elem": 5}}]},
    ],
    ids=str,
)
def test_malformed_json_is_refused_with_a_way_out(document: object) -> None:
    with pytest.raises(NotAFirewall) as refused:
        read(document)
    assert "nft -j list ruleset" in str(refused.value)


def test_overlapping_and_adjacent_intervals_are_one_range() -> None:
    elements = [
        {"prefix": {"addr": "10.0.0.0", "len": 24}},
        {"range": ["10.0.0.128", "10.0.1.9"]},
        {"range": ["10.0.1.10", "10.0.1.20"]},
        "10.0.1.21",
        "10.0.0.7",
    ]
    (case,) = _cases(_source("@s"), sets=({"name": "s", "type": "ipv4_addr", "elem": elements},))
    assert case.match.source == ((0x0A000000, 0x0A000115),)


def test_an_ipv4_mapped_address_is_one_of_ipv6_and_of_ipv6_alone() -> None:
    (case,) = _cases(_source("::ffff:10.0.0.1", "ip6"))
    assert case.match.families == {6}
    assert case.match.source == ((0xFFFF0A000001, 0xFFFF0A000001),)
    with pytest.raises(NotAFirewall, match="::ffff"):
        _read(_source("::ffff:10.0.0.1"))


@pytest.mark.parametrize("address", ["fe80::1%eth0", "fe80::1%25eth0", "fe80::1%\x1b[31m"])
def test_an_address_with_a_zone_is_refused_by_its_name(address: str) -> None:
    with pytest.raises(NotAFirewall, match="zone") as refused:
        _read(_source(address, "ip6"))
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize("about", [{"key": "zone"}, {"key": "zone", "dir": "original"}])
def test_a_match_on_a_conntrack_zone_is_in_doubt(about: dict[str, str]) -> None:
    assert all(case.match.unknown for case in _cases({"match": {"op": "==", "left": {"ct": about}, "right": 5}}))


@pytest.mark.slow
def test_the_same_statement_without_end_is_refused_and_not_run_out_of_memory() -> None:
    pairs = [{"range": [2 * each, 2 * each + 1]} for each in range(200)]
    values = {"set": [{"concat": [one, other]} for one in pairs for other in pairs]}
    left = {"concat": [{"payload": {"protocol": "tcp", "field": each}} for each in ("sport", "dport")]}
    match = {"match": {"op": "==", "left": left, "right": values}}
    with pytest.raises(NotAFirewall, match="elements"):
        _read(match, match)


MEASURED = """
import json, resource, sys, time
from ipaddress import IPv4Address
from beffroi.network.evaluate import Situation, prepare
from beffroi.network.packets import box
from beffroi.network.reader import read
from beffroi.network.space import matches_of, space_of

document = json.load(sys.stdin)
document["nftables"][1]["set"]["elem"] = [str(IPv4Address(0x0A000000 + 2 * each)) for each in range(1_000_000)]
firewall = read(document)
space = space_of(4, matches_of(firewall))
((table, chain),) = firewall.hooked("forward", 4)
accepted = prepare(space, table, chain, Situation()).run(box(space)).accepted
ranges = sum(high - low + 1 for low, high in firewall.tables[0].chains["c"].rules[0].cases[0].match.source)
print(json.dumps([ranges, accepted.cells() > 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


@pytest.mark.slow
def test_a_set_of_a_million_elements_is_read_and_proved_over_in_bounded_time_and_memory() -> None:
    rule = {**TABLE, "chain": "c", "expr": [_source("@s"), {"accept": None}]}
    head = {**TABLE, "name": "c", "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}
    named = {**TABLE, "name": "s", "type": "ipv4_addr"}
    document = {
        "nftables": [{"table": {"family": "inet", "name": "t"}}, {"set": named}, {"chain": head}, {"rule": rule}]
    }
    done = subprocess.run(
        [sys.executable, "-c", MEASURED],
        input=json.dumps(document),
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=True,
    )
    addresses, accepts, mebibytes = json.loads(done.stdout)
    assert addresses == 1_000_000
    assert accepts
    assert mebibytes < MOST_MEBIBYTES


def test_more_elements_than_the_limit_are_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beffroi.network.reader.document.MOST_ELEMENTS", 3)
    with pytest.raises(NotAFirewall, match="more than 3"):
        _read(sets=({"name": "s", "type": "ipv4_addr", "elem": ["10.0.0.1", "10.0.0.3", "10.0.0.5", "10.0.0.7"]},))


def _hostile() -> list[dict[str, Any]]:
    """Return a table of which every name, comment and word is hostile, and one rule that opens everything."""
    place = {"family": "inet", "table": f"t{HOSTILE}"}
    of_chain = {**place, "chain": f"c{HOSTILE}", "comment": f"k{HOSTILE}"}
    zone = {"mangle": {"key": {"ct": {"key": "zone"}}, "value": f"z{HOSTILE}"}}
    entry = {"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": f"i{HOSTILE}"}}
    element = {"elem": {"val": "10.0.0.1", "comment": f"e{HOSTILE}"}}
    head = {"name": f"c{HOSTILE}", "type": "filter", "hook": "forward", "prio": 0, "policy": "accept"}
    return [
        {"table": {"family": "inet", "name": f"t{HOSTILE}"}},
        {"set": {**place, "name": f"s{HOSTILE}", "type": "ipv4_addr", "elem": [element]}},
        {"chain": {**place, **head}},
        {"rule": {**of_chain, "expr": [_source(f"@s{HOSTILE}"), {"drop": None}]}},
        {"rule": {**of_chain, "expr": [entry, {"drop": None}]}},
        {"rule": {**of_chain, "expr": [zone]}},
        {"rule": {**of_chain, "expr": [{f"x{HOSTILE}": f"y{HOSTILE}"}]}},
        {"rule": {**of_chain, "expr": [{"accept": None}]}},
    ]


@pytest.mark.parametrize(
    "words",
    [
        ["prove", str(HAMLET), "--firewall", "core=hostile.json"],
        ["flows", "rulesets", "hostile.json", "plain.json"],
    ],
    ids=["prove", "rulesets"],
)
def test_hostile_names_are_told_and_obeyed_by_no_terminal_and_no_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BEFFROI_ROOT", str(HAMLET.parents[2]))
    city = load_city(HAMLET)
    Path("hostile.json").write_text(json.dumps({"nftables": [*compiled(city, "core")[:-1], *_hostile()]}))
    Path("plain.json").write_text(json.dumps({"nftables": compiled(city, "core")}))
    said = CliRunner().invoke(program, words, standalone_mode=False, color=True)
    assert said.exception is None
    assert "evil" in said.output
    assert re.findall("[\x00\x1b\u202a-\u202e\u2066-\u2069]", said.output) == []
    assert [line for line in said.output.splitlines() if line.startswith("::")] == []


@pytest.mark.parametrize("words", ["", " ", "\u00a0\t", "\n"])
def test_a_flow_without_a_purpose_is_refused(words: str) -> None:
    flow = load_city(HAMLET).flows[0].model_dump(by_alias=True, mode="json")
    with pytest.raises(ValidationError, match="purpose"):
        Flow.model_validate({**flow, "purpose": {"fr": words, "en": "to read"}})


def test_what_is_refused_is_told_harmlessly() -> None:
    with pytest.raises(NotAFirewall) as refused:
        _read(_source(f"@{HOSTILE}"))
    assert all(line.isprintable() for line in str(refused.value).splitlines())
    assert [line for line in str(refused.value).splitlines() if line.startswith("::")] == []
