from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from beffroi.errors import CouldNotLook
from beffroi.kinds import Site
from beffroi.kinds import undeclared_personal_data as kind
from beffroi.kinds.undeclared_personal_data import Params, Setting, expected, judge, observe, weakened
from beffroi.verdict import Outcome, worst

SETTING = Setting(declared=("/srv/civil", "/srv/mirror"), kib=100, big_mib=64)
DIGEST = "0" * 64


def _found(host_that_says: Callable[..., Any], text: str) -> Outcome:
    return worst(judge([SETTING], observe(host_that_says(text), [SETTING])))


def test_a_machine_that_keeps_nothing_is_not_asked(site_of: Callable[[str], Site]) -> None:
    assert expected(Params(), site_of("mirror")) == []


def test_its_stores_and_what_is_known_besides_are_declared(site_of: Callable[[str], Site]) -> None:
    assert expected(Params(known=("/srv/mirror",)), site_of("app")) == [SETTING]


def test_nothing_found_passes(host_that_says: Callable[..., Any]) -> None:
    assert _found(host_that_says, "") is Outcome.PASS


@pytest.mark.parametrize("line", ["/root file sql 293 ", "/srv folder none 4 ", "/home file gz 200 "])
def test_whatever_is_found_fails(host_that_says: Callable[..., Any], line: str) -> None:
    assert _found(host_that_says, f"{line}{DIGEST}\n") is Outcome.FAIL


@pytest.mark.parametrize("line", ["find: no such file", f"/home file sql x {DIGEST}", "/home file sql 1 short"])
def test_another_answer_is_no_verdict(host_that_says: Callable[..., Any], line: str) -> None:
    with pytest.raises(CouldNotLook):
        _found(host_that_says, line)


def test_a_place_that_may_not_be_listed_is_no_verdict(host_that_says: Callable[..., Any]) -> None:
    with pytest.raises(CouldNotLook):
        observe(host_that_says("", rc=1), [SETTING])


def test_more_left_out_is_a_weaker_control() -> None:
    assert weakened(Params(), Params(known=("/srv/mirror",)))
    assert weakened(Params(), Params(kib=200))
    assert not weakened(Params(kib=200), Params())


@pytest.fixture
def looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Run the question itself, with places of the test's own; give its lines without the digests."""
    place, store = tmp_path / "left", tmp_path / "left" / "store"
    store.mkdir(parents=True)
    monkeypatch.setattr(kind, "PLACES", (str(place),))

    def make(**files: int) -> list[str]:
        for name, size in files.items():
            (place / name.replace("__", "/").replace("_DOT_", ".")).write_bytes(b"x" * size)
        setting = Setting(declared=(str(store),), kib=100, big_mib=1)
        question = kind.question(setting).replace("/srv", str(tmp_path / "none"))
        done = subprocess.run(["/bin/sh", "-c", question], capture_output=True, text=True, check=True)
        assert not any(name.split("_DOT_")[0] in done.stdout for name in files if len(name) > 8)
        return sorted(" ".join(line.split(" ")[1:4]) for line in done.stdout.splitlines())

    return make


def test_an_export_is_told_by_its_ending_and_size_and_never_by_its_name(looked: Callable[..., list[str]]) -> None:
    assert looked(durand_DOT_SQL=300_000, martin_DOT_csv_DOT_gz=200_000) == ["file gz 196", "file sql 296"]


def test_what_is_small_or_of_another_sort_is_left(looked: Callable[..., list[str]]) -> None:
    assert looked(small_DOT_csv=50_000, letter_DOT_txt=300_000) == []


def test_any_file_that_is_big_is_told(looked: Callable[..., list[str]]) -> None:
    assert looked(something=2 << 20) == ["file none 2048"]


def test_what_a_store_holds_is_declared(looked: Callable[..., list[str]]) -> None:
    assert looked(store__dump_DOT_sql=300_000) == []
