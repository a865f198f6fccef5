"""A town's own predicate is run bounded and shut off; what it does instead of answering is told with its line."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from beffroi.city import City
from beffroi.policy import OwnPolicy
from beffroi.predicates import asking
from beffroi.predicates.asking import answered
from beffroi.predicates.written import Predicate
from beffroi.rules import Breach, Commitment, Own, Proposal, Unanswered

pytestmark = pytest.mark.slow  # each starts processes of its own

FILE = "policies/rules/crowded.py"
Asks = Callable[..., Own]


@pytest.fixture(name="ask")
def _ask(small_town: Callable[..., City]) -> Asks:
    def ask(body: str, **params: Any) -> Own:  # noqa: ANN401 - whatever a policy sets
        text = {"fr": "x", "en": "x"}
        policy = OwnPolicy.model_validate(
            {
                "id": "town/own",
                "title": text,
                "rationale": text,
                "hint": text,
                "level": "mandatory",
                "rule": "own/crowded",
                "params": params,
                "good": [{"why": "x"}],
                "bad": [{"why": "x"}],
                "own": Predicate(file=FILE, text=textwrap.dedent(body)),
            }
        )
        after, before = Commitment(small_town()), Commitment(small_town())
        return answered({policy.id: policy}, Proposal(after, date(2026, 11, 26), before))[policy.id]

    return ask


def _error(answer: Own) -> str:
    assert isinstance(answer, Unanswered), answer
    assert answer.why == "own_failed"
    return f"{answer.names['place']} {answer.names['error']}"


def test_it_is_given_the_town_before_and_after_the_day_and_what_its_policy_sets(ask: Asks) -> None:
    answer = ask(
        """
        def find(proposal, params):
            for host in sorted(proposal["after"]["city"]["hosts"]):
                if proposal["before"]["city"] == proposal["after"]["city"] and proposal["today"] == "2026-11-26":
                    yield {"subject": host, "path": ["hosts", host], "fr": "un", "en": params["word"]}
        """,
        word="one",
    )
    assert isinstance(answer, tuple)
    assert answer[0] == Breach("app", ("hosts", "app"), {"subject": "app", "fr": "un", "en": "one"})


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("\ndef find(proposal, params):\n    yield 1 / 0\n", ":3 ZeroDivisionError: division by zero"),
        ("import json\n\ndef find(proposal params): pass\n", ":3 SyntaxError: "),
        ("x = 1\n", ":1 it defines no function `find(proposal, params)`"),
        ("def find(proposal, params):\n    raise SystemExit(0)\n", ":2 SystemExit: 0"),
        ("import beffroi\n", ":1 ModuleNotFoundError: No module named 'beffroi'"),
        ("def find(proposal, params):\n    return None\n", ":1 TypeError: 'NoneType' object is not iterable"),
        ("import os\nos._exit(0)\n", ":1 exit 0"),
        ("import os\nos.abort()\n", ":1 signal 6"),
        ("def find(p, q):\n    yield {'subject': {1}}\n", ":1 TypeError: Object of type set"),
        ("class Odd(Exception):\n    def __str__(self): raise self\ndef find(p, q): raise Odd\n", ":3 Odd"),
    ],
)
def test_what_it_does_instead_of_answering_is_told_with_its_line(ask: Asks, body: str, told: str) -> None:
    assert _error(ask(body)).startswith(FILE + told)


@pytest.mark.parametrize(
    "answer",
    [
        "[1]",
        "[{}]",
        "[{'subject': 'x', 'fr': 'x'}]",
        "[{'subject': 'a\\x1b[2J', 'fr': 'x', 'en': 'x'}]",
        "[{'subject': 'x', 'fr': 'x', 'en': 'x', 'level': 'advisory'}]",
        "[{'subject': 'x', 'path': [None], 'fr': 'x', 'en': 'x'}]",
        "({'subject': 'x', 'fr': 'x', 'en': 'x'} for _ in range(10**9))",
        "[{'subject': 'x', 'fr': 'x', 'en': 'x' * 2_000_000}]",
    ],
)
def test_an_answer_that_is_no_list_of_breaches_is_none(ask: Asks, answer: str) -> None:
    told = ask(f"def find(proposal, params): return {answer}\n")
    assert isinstance(told, Unanswered)
    assert (told.why, told.names["place"]) == ("own_answer", f"{FILE}:1")


def test_what_it_prints_is_no_part_of_its_answer(ask: Asks) -> None:
    assert ask("import os\ndef find(p, q):\n    print('[]')\n    os.write(1, b'{}')\n    return []\n") == ()


def test_it_may_take_so_much_time_and_no_more(ask: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "SECONDS", 1)
    begun = time.monotonic()
    told = ask("import time\ndef find(p, q): time.sleep(60)\n")
    assert told == Unanswered("own_slow", {"place": f"{FILE}:1", "seconds": "1"})
    assert time.monotonic() - begun < 20


def test_it_may_take_so_much_memory_and_no_more(ask: Asks) -> None:
    told = ask("def find(p, q): return [bytearray(10**10)]\n")
    assert told == Unanswered("own_memory", {"place": f"{FILE}:1", "mebibytes": "512"})


def test_it_sees_nothing_of_the_environment(ask: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEFFROI_TOKEN", "a secret")
    assert ask("import os\ndef find(p, q):\n    assert 'BEFFROI_TOKEN' not in os.environ\n    return []\n") == ()


def test_it_writes_no_file(ask: Asks, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    _error(ask(f"def find(p, q):\n    open({str(mark)!r}, 'w').write('here')\n"))
    assert not mark.exists() or mark.read_bytes() == b""


def test_it_reads_no_file_of_ours_where_the_kernel_has_landlock(ask: Asks, tmp_path: Path) -> None:
    if not _landlock():
        pytest.skip("this kernel has no Landlock")
    secret = tmp_path / "secret"
    secret.write_text("a secret")
    told = _error(ask(f"def find(p, q):\n    yield open({str(secret)!r}).read()\n"))
    assert told.startswith(f"{FILE}:2 PermissionError: ")


def _landlock() -> bool:
    import ctypes  # noqa: PLC0415

    return bool(ctypes.CDLL(None).syscall(444, None, 0, 1) > 0)


def test_it_reaches_no_network(ask: Asks) -> None:
    import socket  # noqa: PLC0415

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        told = _error(ask(f"import socket\ndef find(p, q):\n    socket.create_connection(('127.0.0.1', {port}), 2)\n"))
    assert told.startswith(f"{FILE}:3 OSError: ")


def test_nothing_that_it_started_outlives_it(ask: Asks) -> None:
    body = """
        import os, time
        def find(proposal, params):
            child = os.fork()
            if not child:
                os.closerange(0, 100)
                time.sleep(60)
            yield {"subject": str(child), "fr": "x", "en": "x"}
        """
    told = ask(body)
    if isinstance(told, Unanswered):  # who is not root may not even start a process
        assert _error(told).startswith(f"{FILE}:4 ")
        return
    assert _ends(int(told[0].subject))


def _ends(process: int) -> bool:
    """Tell whether a process is gone within seconds; one that nobody has reaped yet is."""
    deadline = time.monotonic() + 5
    stat = Path(f"/proc/{process}/stat")
    while time.monotonic() < deadline:
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] in "ZX":
            return True
        time.sleep(0.02)
    return False
