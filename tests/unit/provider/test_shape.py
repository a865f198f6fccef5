from __future__ import annotations

from beffroi.provider import ResourceInputs
from beffroi.provider.shape import covers, patterns, seal, settle
from beffroi.provider.wire import UNKNOWN, Secret

Inputs = type[ResourceInputs]


def test_flags_are_found_at_any_depth(inputs: Inputs) -> None:
    assert patterns(inputs, "secret") == {("token",), ("users", "*", "password"), ("byRole", "*", "password")}
    assert patterns(inputs, "replace") == {("zone",), ("users", "*", "uid"), ("byRole", "*", "uid")}


def test_a_pattern_covers_what_stands_above_and_under_it() -> None:
    pattern = ("users", "*", "password")
    assert covers(pattern, ("users",))
    assert covers(pattern, ("users", 3, "password", "hash"))
    assert not covers(pattern, ("users", 3, "login"))


def test_secrets_are_wrapped_where_the_model_says_and_only_there(inputs: Inputs) -> None:
    plain = {"token": "t", "users": [{"login": "ana", "password": "p"}], "note": None}
    assert seal(plain, patterns(inputs, "secret")) == {
        "token": Secret("t"),
        "users": [{"login": "ana", "password": Secret("p")}],
        "note": None,
    }


def test_marks_that_the_program_made_are_carried_over_to_what_is_read_back() -> None:
    known = {"tags": {"pin": Secret("0451"), "room": "attic"}}
    assert seal({"tags": {"pin": "9999", "room": "cellar"}}, (), known) == {
        "tags": {"pin": Secret("9999"), "room": "cellar"}
    }


def test_settled_properties_hold_defaults_and_canonical_forms(inputs: Inputs) -> None:
    settled = settle(inputs, {"name": "DB", "ramGb": "8", "users": [{"login": "ana"}]})
    assert settled["name"] == "db"
    assert settled["ramGb"] == 8
    assert settled["users"] == [{"login": "ana", "uid": 1000}]
    assert (settled["zone"], settled["tags"]) == ("a", {})
    assert "token" not in settled


def test_an_unknown_leaves_the_rest_canonical(inputs: Inputs) -> None:
    settled = settle(inputs, {"name": "DB", "users": [{"login": UNKNOWN}], "tags": UNKNOWN})
    assert (settled["name"], settled["zone"]) == ("db", "a")
    assert settled["users"] == [{"login": UNKNOWN, "uid": 1000}]
    assert settled["tags"] is UNKNOWN


def test_secrets_stay_where_they_are(inputs: Inputs) -> None:
    settled = settle(inputs, {"name": Secret("DB"), "byRole": {"dba": {"login": Secret("ana")}}})
    assert settled["name"] == Secret("db")
    assert settled["byRole"] == {"dba": {"login": Secret("ana"), "uid": 1000}}


def test_what_the_model_refuses_is_left_as_it_came(inputs: Inputs) -> None:
    settled = settle(inputs, {"name": "db", "ramGb": "many", "colour": "red"})
    assert (settled["ramGb"], settled["colour"]) == ("many", "red")


def test_a_null_that_was_read_back_is_not_taken_for_a_default(inputs: Inputs) -> None:
    assert settle(inputs, {"name": "db", "tags": None})["tags"] is None


def test_field_names_become_pulumis(inputs: Inputs) -> None:
    assert settle(inputs, {"name": "db", "ram_gb": 2})["ramGb"] == 2


def test_settling_twice_changes_nothing(inputs: Inputs) -> None:
    once = settle(inputs, {"name": "DB", "users": [{"login": Secret("ana"), "uid": UNKNOWN}]})
    assert settle(inputs, once) == once
