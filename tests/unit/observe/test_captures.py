import json
import os
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from beffroi.desired import Check, DesiredState
from beffroi.errors import CouldNotAct, CouldNotLook
from beffroi.judge import judge
from beffroi.observe.captures import MOST_BYTES_A_HOST, About, CaptureStore, KeptRun
from beffroi.observe.observing import observed
from beffroi.observe.replay import replay
from beffroi.observe.words import elevated
from beffroi.verdict import Capture, Observation, Outcome

WHEN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MODE = {"path": "/etc/passwd", "owner": "root", "group": "root", "mode": "0644"}
DESIRED = DesiredState(
    checks=tuple(Check(host=host, control="files/x", kind="file_mode", settings=(MODE,)) for host in ("db", "web"))
)


class _Asked:
    """Learns what `file_mode` asks, from the kind itself."""

    def __init__(self) -> None:
        self.commands: list[str] = []

        def ask(command: str) -> Capture:
            self.commands.append(command)
            return self.capture(command)

        self.observation = observed("db", "file_mode", [MODE], ask)

    @staticmethod
    def capture(command: str, stdout: str = "644|root|root|regular file|/etc/passwd\n") -> Capture:
        return Capture(host="db", command=command, stdout=stdout, stderr="", exit_code=0, when=WHEN, seconds=0.1)


@pytest.fixture(name="seen")
def _seen() -> Observation:
    return _Asked().observation


@pytest.fixture(name="begin")
def _begin(tmp_path: Path) -> Callable[[], CaptureStore]:
    return lambda: CaptureStore.begin(tmp_path / "run", About(town="bourg", started=WHEN))


def _said(host: str, kind: str, *texts: str) -> Observation:
    captures = [
        Capture(host=host, command=f"ask {it[:9]}", stdout=it, stderr="", exit_code=0, when=WHEN) for it in texts
    ]
    return Observation(host=host, kind=kind, facts={}, captures=tuple(captures))


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


Begin = Callable[[], CaptureStore]


@pytest.mark.parametrize(
    "text", ["plain", "", "é\u202e\U0001f600\x00\r\n", "\udc80\ud800", "x" * 3_000_000], ids=lambda it: ascii(it)[:20]
)
def test_what_was_kept_is_read_back_as_it_was(begin: Begin, text: str) -> None:
    store, said = begin(), _said("db", "sysctl", text)
    assert store.keep(said) == said
    store.finish()
    kept = KeptRun.open(store.folder)
    assert (kept.captures("db", "sysctl"), kept.could_not_look("db", "sysctl"), kept.complete) == (
        said.captures,
        "",
        True,
    )


def test_what_two_hosts_say_alike_is_kept_once(begin: Begin) -> None:
    store = begin()
    store.keep(_said("db", "sysctl", "the same"))
    before = _files(store.folder)
    store.keep(_said("web", "sysctl", "the same"))
    assert _files(store.folder) == before


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/b", "..", "\x00", "x" * 5000, "a\nb"])
def test_no_name_becomes_a_path(begin: Begin, name: str, tmp_path: Path) -> None:
    store = begin()
    observation = Observation(host=name, kind=name, facts=None, could_not_look=name)
    capture = Capture(host=name, command=name, stdout=name, stderr=name, exit_code=0, when=WHEN)
    store.keep(observation.model_copy(update={"captures": (capture,)}))
    assert {path.split("/")[0] for path in _files(tmp_path)} == {"run"}
    assert KeptRun.open(store.folder).captures(name, name)[0].stdout == name


def test_a_later_look_stands_for_the_earlier_one(begin: Begin) -> None:
    store = begin()
    store.keep(_said("db", "sysctl", "before"))
    store.keep(_said("db", "sysctl", "after"))
    assert KeptRun.open(store.folder).captures("db", "sysctl")[0].stdout == "after"


@pytest.fixture(name="room")
def _room(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("beffroi.observe.captures.MOST_BYTES_A_HOST", 20_000)
    return 20_000


def test_a_host_has_a_megabyte() -> None:
    assert MOST_BYTES_A_HOST == 1_000_000


def test_what_is_too_large_to_keep_was_not_seen(begin: Begin, room: int) -> None:
    store, noise = begin(), random.Random(1).randbytes(2 * room).decode("latin-1")
    kept = store.keep(_said("db", "sysctl", noise))
    assert (kept.facts, kept.captures) == (None, ())
    assert str(room) in kept.could_not_look
    assert KeptRun.open(store.folder).could_not_look("db", "sysctl") == kept.could_not_look
    assert sum(path.stat().st_size for path in store.folder.rglob("*") if path.is_file()) < 2000


def test_many_observations_of_a_host_share_its_room(begin: Begin, room: int) -> None:
    store, noise = begin(), random.Random(1)
    kept = [store.keep(_said("db", f"kind{n}", noise.randbytes(room // 3).decode("latin-1"))) for n in range(4)]
    assert [it.facts is None for it in kept] == [False, False, True, True]


def test_only_its_user_may_read_a_run(begin: Begin) -> None:
    assert begin().folder.stat().st_mode & 0o777 == 0o700


def test_a_run_is_never_written_over(begin: Begin) -> None:
    begin()
    with pytest.raises(FileExistsError):
        begin()


def test_a_run_that_was_killed_is_read_up_to_its_last_whole_line(begin: Begin) -> None:
    store = begin()
    for host in ("db", "web"):
        store.keep(_said(host, "sysctl", host))
    index = store.folder / "index.jsonl"
    whole = index.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(0, len(whole), 37):
        index.write_bytes(whole[:cut])
        kept = KeptRun.open(store.folder)
        assert not kept.complete
        assert bool(kept.captures("db", "sysctl")) == (cut >= first)
        assert not kept.captures("web", "sysctl")


def test_a_killed_writer_leaves_what_it_had_kept(begin: Begin) -> None:
    store = begin()
    child = os.fork()
    if child == 0:
        store.keep(_said("db", "sysctl", "kept"))
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    kept = KeptRun.open(store.folder)
    assert not kept.complete
    assert kept.captures("db", "sysctl")[0].stdout == "kept"


def test_an_altered_answer_is_noticed(begin: Begin) -> None:
    store = begin()
    store.keep(_said("db", "sysctl", "answer"))
    store.finish()
    for blob in (store.folder / "blobs").rglob("*"):
        if blob.is_file():
            blob.write_bytes(blob.read_bytes()[:-1] + b"x")
    with pytest.raises(CouldNotLook, match="blobs/"):
        KeptRun.open(store.folder).captures("db", "sysctl")


@pytest.mark.parametrize(
    "alter",
    [
        lambda lines: [lines[1], lines[0], lines[2]],
        lambda lines: [lines[0], lines[2]],
        lambda lines: lines[:2],
        lambda lines: [*lines, lines[2]],
        lambda lines: [lines[0].replace("db", "dc"), *lines[1:]],
        lambda lines: [lines[0], "{}", lines[2]],
        lambda lines: [lines[0], "[" * 100_000, lines[2]],
    ],
)
def test_an_altered_index_is_noticed(begin: Begin, alter: Callable[[list[str]], list[str]]) -> None:
    store = begin()
    for host in ("db", "web", "log"):
        store.keep(_said(host, "sysctl", host))
    store.finish()
    index = store.folder / "index.jsonl"
    index.write_text("".join(f"{line}\n" for line in alter(index.read_text().splitlines())))
    with pytest.raises(CouldNotAct):
        KeptRun.open(store.folder)


def test_a_digest_that_is_none_leads_nowhere(begin: Begin) -> None:
    store = begin()
    store.keep(_said("db", "sysctl", "answer"))
    index = store.folder / "index.jsonl"
    line = json.loads(index.read_text())
    line["captures"][0]["stdout"] = "../../../../etc/passwd"
    index.write_text(json.dumps(line) + "\n")
    with pytest.raises(CouldNotAct):
        KeptRun.open(store.folder)


def test_what_is_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(CouldNotAct) as error:
        KeptRun.open(tmp_path)
    assert error.value.hint


def _judged(folder: Path, hosts: tuple[str, ...] = ("db",)) -> list[tuple[Outcome, str]]:
    kept = KeptRun.open(folder)
    verdicts = judge(DESIRED, replay(DESIRED, hosts, kept))
    return [(it.outcome, it.reason) for it in verdicts if it.host in hosts]


def test_a_replay_gives_the_observation_again(begin: Begin, seen: Observation) -> None:
    store = begin()
    store.keep(seen)
    assert replay(DESIRED, ["db"], KeptRun.open(store.folder)) == (seen,)
    assert _judged(store.folder)[0][0] is Outcome.PASS


def test_what_an_auditors_probe_was_asked_answers_the_same_questions(begin: Begin, seen: Observation) -> None:
    store = begin()
    probed = tuple(it.model_copy(update={"command": elevated(it.command).command}) for it in seen.captures)
    assert [it.command for it in probed] != [it.command for it in seen.captures], "the probe needs no sudo"
    store.keep(seen.model_copy(update={"captures": probed}))
    assert [outcome for outcome, _ in _judged(store.folder)] == [Outcome.PASS]


def test_what_was_not_kept_is_an_error(begin: Begin, seen: Observation) -> None:
    store = begin()
    store.keep(seen)
    assert [outcome for outcome, _ in _judged(store.folder, ("db", "web"))] == [Outcome.PASS, Outcome.ERROR]


def test_why_nobody_could_look_is_told_again(begin: Begin) -> None:
    store = begin()
    store.keep(Observation(host="db", kind="file_mode", facts=None, could_not_look="No route to host"))
    assert _judged(store.folder) == [(Outcome.ERROR, "No route to host")]


def test_an_altered_answer_is_an_error(begin: Begin, seen: Observation) -> None:
    store = begin()
    store.keep(seen)
    for blob in (store.folder / "blobs").rglob("*"):
        if blob.is_file():
            blob.unlink()
    [(outcome, reason)] = _judged(store.folder)
    assert outcome is Outcome.ERROR
    assert "blobs/" in reason


def test_another_question_than_then_is_an_error(begin: Begin, seen: Observation) -> None:
    store = begin()
    other: dict[str, Any] = {"captures": tuple(it.model_copy(update={"command": "true"}) for it in seen.captures)}
    store.keep(seen.model_copy(update=other))
    assert [outcome for outcome, _ in _judged(store.folder)] == [Outcome.ERROR]
