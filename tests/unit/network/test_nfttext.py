from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beffroi.network.nfttext import rule_text, ruleset_text

_KEYS = [
    "match",
    "left",
    "right",
    "op",
    "set",
    "elem",
    "val",
    "concat",
    "range",
    "prefix",
    "payload",
    "meta",
    "counter",
]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=3),
    max_leaves=12,
)
_SOURCE = {"payload": {"protocol": "ip", "field": "saddr"}}


def _match(left: dict[str, Any], right: object, operator: str = "==") -> dict[str, Any]:
    return {"match": {"op": operator, "left": left, "right": right}}


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (_match(_SOURCE, "10.0.0.1"), "ip saddr 10.0.0.1"),
        (_match(_SOURCE, {"prefix": {"addr": "10.0.0.0", "len": 8}}, "!="), "ip saddr != 10.0.0.0/8"),
        (_match(_SOURCE, "@town4", "!="), "ip saddr != @town4"),
        (_match({"meta": {"key": "iifname"}}, "lo"), 'iifname "lo"'),
        (_match({"ct": {"key": "state"}}, ["established", "related"], "in"), "ct state established,related"),
        ({"counter": {"packets": 0, "bytes": 0}}, "counter"),
        ({"counter": {"packets": 2, "bytes": 80}}, "counter packets 2 bytes 80"),
        ({"masquerade": None}, "masquerade"),
        ({"dnat": {"family": "ip", "addr": "10.0.0.1", "port": 443}}, "dnat ip to 10.0.0.1:443"),
        ({"jump": {"target": "elsewhere"}}, "jump elsewhere"),
        ({"log": {"prefix": "refused: "}}, 'log prefix "refused: "'),
        ({"limit": {"rate": 5, "burst": 10, "per": "second"}}, "limit rate 5/second burst 10 packets"),
    ],
)
def test_a_statement_is_written_in_nfts_words(expression: dict[str, Any], text: str) -> None:
    assert rule_text([expression]) == text


def test_what_is_not_known_is_shown_as_json_and_does_not_raise() -> None:
    assert '"teleport"' in rule_text([{"teleport": {"to": "elsewhere"}}])


@given(st.lists(_JSON, max_size=3))
def test_no_json_makes_the_printer_raise(expressions: list[Any]) -> None:
    assert isinstance(rule_text(expressions), str)


@given(st.lists(_JSON, max_size=3))
def test_no_document_makes_the_printer_raise(objects: list[Any]) -> None:
    assert isinstance(ruleset_text(objects), str)


def test_one_element_is_one_line() -> None:
    found = {"family": "inet", "table": "t", "name": "s", "type": "ipv4_addr", "elem": ["10.0.0.1", "10.0.0.2"]}
    lines = [line.strip() for line in ruleset_text([{"set": found}]).splitlines()]
    assert [line for line in lines if line.startswith("10.")] == ["10.0.0.1,", "10.0.0.2,"]
