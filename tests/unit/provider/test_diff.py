from __future__ import annotations

import pytest

from beffroi.provider import ResourceInputs
from beffroi.provider.diff import Change, diff
from beffroi.provider.wire import UNKNOWN, Secret

Inputs = type[ResourceInputs]
OLD: dict[str, object] = {"name": "db", "zone": "a", "ramGb": 4, "tags": {"room": "attic"}, "users": [{"login": "ana"}]}


def changes(model: Inputs, new: dict[str, object], ignored: tuple[str, ...] = ()) -> list[Change]:
    return diff(model, OLD, {**OLD, **new}, ignored)


def test_the_same_inputs_do_not_differ(inputs: Inputs) -> None:
    assert changes(inputs, {}) == []


def test_a_default_that_a_newer_model_brings_is_no_change(inputs: Inputs) -> None:
    assert diff(inputs, {"name": "db"}, {"name": "db", "zone": "a", "ramGb": 4}) == []


def test_a_change_of_secrecy_alone_is_no_change(inputs: Inputs) -> None:
    assert changes(inputs, {"ramGb": Secret(4)}) == []


@pytest.mark.parametrize(
    ("new", "change"),
    [
        ({"ramGb": 8}, Change(("ramGb",), "UPDATE", replaces=False)),
        ({"zone": "b"}, Change(("zone",), "UPDATE", replaces=True)),
        ({"note": "n"}, Change(("note",), "ADD", replaces=False)),
        ({"tags": {}}, Change(("tags", "room"), "DELETE", replaces=False)),
        ({"tags": {"room": "attic", "a": "b"}}, Change(("tags", "a"), "ADD", replaces=False)),
        ({"users": [{"login": "bob"}]}, Change(("users", 0, "login"), "UPDATE", replaces=False)),
        ({"users": [{"login": "ana", "uid": 7}]}, Change(("users", 0, "uid"), "UPDATE", replaces=True)),
        ({"users": []}, Change(("users",), "UPDATE", replaces=True)),
        ({"ramGb": UNKNOWN}, Change(("ramGb",), "UPDATE", replaces=False)),
        ({"zone": UNKNOWN}, Change(("zone",), "UPDATE", replaces=True)),
    ],
)
def test_a_change_is_told_at_its_own_path(inputs: Inputs, new: dict[str, object], change: Change) -> None:
    assert changes(inputs, new) == [change]


def test_a_value_that_the_world_has_lost_is_added_back(inputs: Inputs) -> None:
    lost = {**OLD, "tags": None}
    assert diff(inputs, lost, OLD) == [Change(("tags",), "ADD", replaces=False)]


@pytest.mark.parametrize("path", ["tags", "tags.room"])
def test_ignored_changes_are_left_out_at_any_depth(inputs: Inputs, path: str) -> None:
    new = {"tags": {"room": "cellar"}, "ramGb": 8}
    assert [change.property for change in changes(inputs, new, (path,))] == ["ramGb"]
