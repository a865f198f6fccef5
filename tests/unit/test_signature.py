"""`apply PLAN` believes a decision that one of the town's signers signed, and no other. With the real ssh-keygen."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from repositories import TOWN, TownRepository, town_repository

from beffroi import declaration
from beffroi.cli.verbs import program
from beffroi.errors import InvalidInput, MissingTool, RefusedPlan
from beffroi.gate import Decision
from beffroi.plan import make_plan
from beffroi.records import write_decision, write_plan
from beffroi.signature import FILE, NAMESPACE, beside, require_signed, signers_of

ASKED = 2
"""What `apply` ends with when nothing refuses, and the person says no."""


def keygen(*words: str | Path) -> None:
    subprocess.run(["ssh-keygen", "-q", *map(str, words)], check=True, capture_output=True, stdin=subprocess.DEVNULL)


@dataclass(frozen=True)
class Desk:
    """A decision's file, a file of signers, and the keys of two people."""

    folder: Path

    @property
    def decision(self) -> Path:
        return self.folder / "plan.decision.json"

    @property
    def signers(self) -> Path:
        return self.folder / FILE

    def key(self, name: str) -> Path:
        key = self.folder / name
        if not key.exists():
            keygen("-t", "ed25519", "-N", "", "-C", name, "-f", key)
        return key

    def sign(self, name: str, namespace: str = NAMESPACE) -> None:
        keygen("-Y", "sign", "-n", namespace, "-f", self.key(name), self.decision)

    def name(self, line: str) -> None:
        """Add a line to the file of signers; `NAME` in it becomes that person's public key."""
        for person in ("dpo", "intern"):
            line = line.replace(person.upper(), self.key(person).with_suffix(".pub").read_text().rsplit(" ", 1)[0])
        with self.signers.open("a") as file:
            file.write(line + "\n")

    def signer(self) -> str:
        return require_signed(self.decision.read_bytes(), self.decision, self.signers)


@pytest.fixture(name="desk")
def _desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("BEFFROI_LANG", "en")
    desk = Desk(tmp_path)
    desk.decision.write_text('{"judgement": "accepted"}\n')
    return desk


@pytest.mark.parametrize(
    "line",
    [
        "dpo@town.example DPO",
        f'dpo@town.example namespaces="git,{NAMESPACE}" DPO',
        "somebody@town.example,dpo@town.example DPO",
        "*@town.example DPO",
        "# a comment\nintern@town.example INTERN\ndpo@town.example DPO",
        'dpo@town.example valid-after="20200101" DPO',
    ],
)
def test_who_is_named_may_sign(desk: Desk, line: str) -> None:
    desk.name(line)
    desk.sign("dpo")
    assert desk.signer().endswith("@town.example")


@pytest.mark.parametrize(
    "line",
    [
        "dpo@town.example INTERN",
        'dpo@town.example namespaces="git" DPO',
        'dpo@town.example valid-before="20200101" DPO',
        "",
        "# nobody yet",
        "dpo@town.example",
        "nonsense \x00 \x1b[2J",
    ],
)
def test_who_is_not_named_for_this_and_now_may_not_sign(desk: Desk, line: str) -> None:
    desk.name(line)
    desk.sign("dpo")
    with pytest.raises(RefusedPlan):
        desk.signer()


def test_another_signer_is_told_apart_from_a_wrong_signature(desk: Desk) -> None:
    desk.name("dpo@town.example DPO")
    desk.sign("intern")
    with pytest.raises(RefusedPlan, match="whoever signed the decision is none of"):
        desk.signer()


def test_a_decision_that_was_edited_since_is_not_what_was_signed(desk: Desk) -> None:
    desk.name("dpo@town.example DPO")
    desk.sign("dpo")
    desk.decision.write_text('{"judgement": "accepted" }\n')
    with pytest.raises(RefusedPlan, match="the signature is not one of this decision"):
        desk.signer()


def test_a_signature_made_for_something_else_signs_no_decision(desk: Desk) -> None:
    desk.name("dpo@town.example DPO")
    desk.sign("dpo", namespace="git")
    with pytest.raises(RefusedPlan):
        desk.signer()


@pytest.mark.parametrize("written", [b"", b"\x00\xff", b"-----BEGIN SSH SIGNATURE-----\nAAAA\n", b"x" * 2**21])
def test_what_is_no_signature_signs_nothing(desk: Desk, written: bytes) -> None:
    desk.name("dpo@town.example DPO")
    beside(desk.decision).write_bytes(written)
    with pytest.raises(RefusedPlan) as caught:
        desk.signer()
    assert f"ssh-keygen -Y sign -n {NAMESPACE}" in str(caught.value.hint)
    assert "\x1b" not in str(caught.value)


def test_without_ssh_keygen_nothing_is_known(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.name("dpo@town.example DPO")
    desk.sign("dpo")
    monkeypatch.setenv("PATH", str(desk.folder))
    with pytest.raises(MissingTool):
        desk.signer()


def test_a_town_without_the_file_names_nobody(desk: Desk) -> None:
    assert signers_of(desk.folder) is None


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("/nowhere"), lambda path: path.mkdir()])
def test_a_file_of_signers_that_is_none_is_no_way_around(desk: Desk, make: Callable[[Path], None]) -> None:
    make(desk.signers)
    with pytest.raises(InvalidInput):
        signers_of(desk.folder)


@dataclass(frozen=True)
class Applying:
    """A plan and a decision that accepts it, in a repository whose town may name signers."""

    made: TownRepository
    desk: Desk

    def apply(self, *words: str | Path) -> tuple[int, str]:
        """Ask for the plan to be applied, and say no at the end; return the status and what was told."""
        argv = ["apply", str(self.desk.folder / "plan.json"), *map(str, words)]
        done = CliRunner().invoke(program, argv, standalone_mode=False, input="n\n")
        if done.exception is not None:
            raise done.exception
        return done.return_value, done.stderr


@pytest.fixture(name="applying")
def _applying(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Applying:
    made = town_repository(desk.folder / "repository")
    monkeypatch.chdir(made.folder)
    monkeypatch.setenv("BEFFROI_STATE", str(desk.folder / "state"))
    town = declaration.load(made.town)
    plan = make_plan(town.city, town.desired, "hamlet", (), folder=town.place, profile=town.profile)
    write_plan(desk.folder / "plan.json", plan)
    decision = Decision(plan=plan.digest, today=datetime.now(UTC).date(), policies=(), violations=())
    write_decision(desk.decision, decision)
    return Applying(made, desk)


@pytest.mark.slow  # each loads a town and judges it by every policy
def test_a_decision_is_believed_unsigned_only_where_the_town_names_no_signers(applying: Applying) -> None:
    assert applying.apply() == (ASKED, "")
    applying.desk.name("dpo@town.example DPO")
    applying.desk.signers.rename(applying.made.town / FILE)
    with pytest.raises(RefusedPlan, match="nobody signed the decision"):
        applying.apply()
    applying.desk.sign("dpo")
    assert applying.apply() == (ASKED, "The decision is signed by dpo@town.example.\n")


@pytest.mark.slow
def test_signers_named_on_the_command_line_stand_in_for_the_town_s(applying: Applying) -> None:
    applying.desk.name("intern@town.example INTERN")
    applying.desk.signers.rename(applying.made.town / FILE)
    applying.desk.sign("intern")
    applying.desk.name("dpo@town.example DPO")
    with pytest.raises(RefusedPlan, match="none of"):
        applying.apply("--signers", applying.desk.signers)


@pytest.mark.slow
def test_a_signature_that_nobody_asks_for_is_said_not_to_count(applying: Applying) -> None:
    applying.desk.sign("dpo")
    assert "was not looked at: the town names no signers" in applying.apply()[1]


@pytest.mark.slow
def test_a_new_decision_takes_the_signature_of_the_older_one_away(applying: Applying) -> None:
    applying.desk.sign("dpo")
    argv = ["gate", "--plan", str(applying.desk.folder / "plan.json"), "--decision", str(applying.desk.decision), TOWN]
    assert CliRunner().invoke(program, argv, standalone_mode=False).return_value == 0
    assert not beside(applying.desk.decision).exists()
