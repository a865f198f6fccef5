"""Plans and decisions as files: what was written comes back, whatever else is there is refused in a sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from written import DECISION, PLAN

from beffroi.applied import forget, last_applied, remember
from beffroi.errors import CouldNotAct, InvalidInput
from beffroi.records import MOST_BYTES, read_decision, read_plan, write_decision, write_plan
from beffroi.state import StackState


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    return tmp_path / "file.json"


def _edit(file: Path, change: Callable[[Any], None]) -> None:
    value = json.loads(file.read_text())
    change(value)
    file.write_text(json.dumps(value))


def _refusal(read: Callable[[Path], object], file: Path) -> str:
    with pytest.raises(InvalidInput) as refused:
        read(file)
    assert refused.value.hint
    return str(refused.value)


def test_a_plan_comes_back_as_it_was(file: Path) -> None:
    write_plan(file, PLAN)
    assert read_plan(file) == PLAN


def test_a_decision_comes_back_as_it_was(file: Path) -> None:
    write_decision(file, DECISION)
    assert read_decision(file) == DECISION


def test_the_same_plan_is_the_same_bytes_in_every_language(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = set()
    for language in ("fr", "en"):
        monkeypatch.setenv("BEFFROI_LANG", language)
        write_plan(file, PLAN)
        found.add(file.read_bytes())
    assert len(found) == 1


def test_a_file_is_written_whole_or_not_at_all(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_plan(file, PLAN)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_plan(file, PLAN.model_copy(update={"stack": "other"}))
    assert read_plan(file) == PLAN
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it["plan"].update(stack="other"),
        lambda it: it["plan"]["steps"].clear(),
        lambda it: it["plan"]["settings"].update(db="t"),
        lambda it: it["plan"].update(folder="/etc"),
        lambda it: it.update(digest="0" * 64),
    ],
    ids=["stack", "steps", "settings", "folder", "digest"],
)
def test_a_plan_that_was_edited_is_refused(file: Path, change: Callable[[Any], None]) -> None:
    write_plan(file, PLAN)
    _edit(file, change)
    assert "not the one that its digest names" in _refusal(read_plan, file)


def test_a_plan_of_another_form_is_refused_by_its_number(file: Path) -> None:
    write_plan(file, PLAN)
    _edit(file, lambda it: it["plan"].update(form=2, things="unknown"))
    assert "form 2" in _refusal(read_plan, file)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda it: it["plan"].pop("steps"), "plan.steps"),
        (lambda it: it["plan"].update(extra=1), "plan.extra"),
        (lambda it: it["plan"]["steps"][0].update(name=5), "plan.steps.0.name"),
        (lambda it: it.pop("digest"), "digest"),
    ],
    ids=["missing", "unknown", "of another type", "no digest"],
)
def test_a_field_that_is_wrong_is_named(file: Path, change: Callable[[Any], None], field: str) -> None:
    write_plan(file, PLAN)
    _edit(file, change)
    assert f"{file}: {field}: " in _refusal(read_plan, file)


@pytest.mark.parametrize("read", [read_plan, read_decision], ids=["plan", "decision"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ":1: this is not JSON"),
        (b'{"a":\n1,\n}', ":3: this is not JSON"),
        (b"[1]", "Input should be an object"),
        (b'{"digest": "a", "digest": "b"}', "`digest` stands twice"),
        (b"{\n\xff}", ":2: the file is not UTF-8"),
        (b"[" * 200_000, "this is not JSON"),
        (b'{"x": ' + b"9" * 5000 + b"}", "this is not JSON"),
        (b'{"\\u001b[31mred": 1, "\\u001b[31mred": 2}', "␛[31mred"),
    ],
    ids=["empty", "malformed", "a list", "a key twice", "not UTF-8", "deep", "a number", "a terminal's escape"],
)
def test_what_is_no_record_is_refused(file: Path, read: Callable[[Path], object], content: bytes, words: str) -> None:
    file.write_bytes(content)
    told = _refusal(read, file)
    assert words in told
    assert "\x1b" not in told
    assert len(told) < 1000


def test_a_file_beyond_the_bound_is_not_read(file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(MOST_BYTES + 1)
    assert "larger than 32 MiB" in _refusal(read_plan, file)


def test_a_folder_or_nothing_is_refused(tmp_path: Path) -> None:
    assert "no such file" in _refusal(read_plan, tmp_path)
    assert "no such file" in _refusal(read_decision, tmp_path / "none.json")


def test_a_decision_whose_word_is_not_what_it_found_is_refused(file: Path) -> None:
    write_decision(file, DECISION)
    _edit(file, lambda it: it.update(judgement="accepted"))
    assert "says accepted, but what it found makes it refused" in _refusal(read_decision, file)


@pytest.fixture(name="state")
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackState:
    monkeypatch.setenv("BEFFROI_STATE", str(tmp_path))
    return StackState("bourg")


def test_nothing_was_applied_before_the_first_apply(state: StackState) -> None:
    assert last_applied(state) is None


def test_what_was_applied_is_remembered_without_what_came_before_it(state: StackState) -> None:
    remember(state, PLAN)
    assert last_applied(state) == PLAN.model_copy(update={"applied": None})


def test_what_was_destroyed_is_forgotten(state: StackState) -> None:
    remember(state, PLAN)
    forget(state)
    forget(state)
    assert last_applied(state) is None


def test_a_damaged_record_of_the_last_apply_is_told(state: StackState) -> None:
    (state.folder / "applied.json").write_text("{")
    with pytest.raises(CouldNotAct, match="remove it"):
        last_applied(state)
