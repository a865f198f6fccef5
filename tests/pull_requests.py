"""Example pull requests: a small repository, and what each case proposes to change in it.

A case is a folder of `tests/cases/pull_requests/` with `case.yml`:

* `title`, `why`: what somebody proposes, and what the case is there to show;
* `before`: changes of the base that the case starts from; `changes`: those that it proposes. Each names a `file` and
  says `find` and `replace` (the text must stand there once), `append`, `write` (the whole file), `move` (its new
  name), `link` (a symbolic link's target), `submodule: true` or `delete: true`;
* `towns`: the towns that are judged, `val-clair` by default; `strictness`: `strict` by default; `today`: the day;
* `expects`: the judgement, and everything found, each as a line of text (`policy subject place`, `start -> end`...).

Beside it stand the accepted `comment.en.md`, `comment.fr.md` and `sarif.jsonl` (the results, a line each).
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import yaml
from click.testing import CliRunner
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from repositories import CHECKOUT, TownRepository

from beffroi.cli.verbs import program
from beffroi.gate import Judgement, Strictness
from beffroi.review import FlowChange, Review

CASES = Path(__file__).parent / "cases" / "pull_requests"


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Change(_Written):
    """One change of one file."""

    file: str
    find: str | None = None
    replace: str = ""
    append: str | None = None
    write: str | None = None
    move: str | None = None
    link: str | None = None
    submodule: bool = False
    delete: bool = False

    def make(self, folder: Path) -> None:
        path = folder / self.file
        assert path.resolve().is_relative_to(folder.resolve()) or self.link, self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.find is not None:
            text = path.read_text("utf-8")
            assert text.count(self.find) == 1, f"{self.file} holds {text.count(self.find)} times: {self.find}"
            path.write_text(text.replace(self.find, self.replace), "utf-8")
        elif self.append is not None:
            path.write_text(path.read_text("utf-8") + self.append, "utf-8")
        elif self.move is not None:
            path.rename(folder / self.move)
        elif self.link is not None:
            path.symlink_to(self.link)
        elif self.submodule:
            path.mkdir()
            entry = f"160000,{'1' * 40},{self.file}"
            TownRepository(folder).git("update-index", "--add", "--cacheinfo", entry)
        elif self.delete:
            path.unlink()
        else:
            assert self.write is not None, f"{self.file}: nothing is changed"
            path.write_text(self.write, "utf-8")


class Expected(_Written):
    """What the gate must answer, of all the towns together."""

    judgement: Judgement
    faults: tuple[str, ...] = ()
    violations: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    register_: tuple[str, ...] = Field(default=(), alias="register")
    blast: tuple[str, ...] = ()


class Case(_Written):
    """One pull request."""

    name: str
    title: str
    why: str
    before: tuple[Change, ...] = ()
    changes: tuple[Change, ...]
    towns: tuple[str, ...] = ("val-clair",)
    strictness: Strictness = Strictness.STRICT
    today: date = date(2026, 11, 26)
    expects: Expected


def read_case(folder: Path) -> Case:
    # Not our own reader, which refuses the very characters that some cases propose.
    written = yaml.safe_load((folder / "case.yml").read_text("utf-8"))
    return Case.model_validate({"name": folder.name, **written})


def cases() -> list[Case]:
    return [read_case(path.parent) for path in sorted(CASES.glob("*/case.yml"))]


@dataclass(frozen=True)
class Proposed:
    """A case in git: `<name>-base` is the commit that it starts from, `<name>` the one that it proposes."""

    case: Case
    repository: TownRepository

    def reviews(self, language: str) -> list[Review]:
        """Return what the gate answers; what is wrong in files is told in `language`."""
        found = _judged(self, "en")[1]
        return _judged(self, language)[1] if any(each.faults for each in found) else found

    def status(self) -> int:
        """Return the status that `beffroi gate` ends with."""
        return _judged(self, "en")[0]

    def gate(self, language: str) -> tuple[int, str]:
        """Run `beffroi gate` on the case; return its status and its JSON. Raise what it raises."""
        self.repository.git("checkout", "--quiet", self.case.name)
        strictness = "--strict" if self.case.strictness == Strictness.STRICT else "--regressions"
        refs = ("--base", f"{self.case.name}-base", "--head", self.case.name)
        towns = [str(self.repository.folder / "inventory" / town) for town in self.case.towns]
        argv = ["gate", "--json", "--today", str(self.case.today), strictness, *refs, *towns]
        done = CliRunner().invoke(program, argv, standalone_mode=False, env={"BEFFROI_LANG": language})
        if done.exception is not None:
            raise done.exception
        return int(done.return_value), done.stdout


@cache
def _judged(proposed: Proposed, language: str) -> tuple[int, list[Review]]:
    status, answer = proposed.gate(language)
    return status, TypeAdapter(list[Review]).validate_json(answer)


def begin(folder: Path) -> TownRepository:
    """Make the repository that cases propose to change: the small town, this checkout's policies and controls."""
    made = TownRepository(folder)
    shutil.copytree(CASES / "base", folder)
    for content in ("compliance", "policies"):
        shutil.copytree(CHECKOUT / content, folder / content, ignore=shutil.ignore_patterns("__pycache__"))
    made.git("init", "--quiet", "--initial-branch=main")
    made.commit("The town as it is")
    return made


def propose(case: Case, repository: TownRepository) -> Proposed:
    """Commit what a case starts from, then what it proposes."""
    for branch, start, changes in ((f"{case.name}-base", "main", case.before), (case.name, "HEAD", case.changes)):
        repository.git("checkout", "--quiet", "-B", branch, start)
        for change in changes:
            change.make(repository.folder)
        repository.commit(case.title)
    return Proposed(case, repository)


def answer_of(proposed: Proposed) -> Expected:
    """Return what the gate answers, in the words of `expects`."""
    reviews = proposed.reviews("en")
    order = (Judgement.REFUSED, Judgement.UNDECIDED, Judgement.ACCEPTED)
    return Expected(
        judgement=min((each.judgement for each in reviews), key=order.index),
        faults=tuple(f"{each.spot} {each.field}" for one in reviews for each in one.faults),
        violations=tuple(
            " ".join([each.violation.policy, each.violation.subject, str(each.spot), *_flags(each.violation)])
            for one in reviews
            for each in one.found
        ),
        opened=_pairs(reviews, "opened"),
        closed=_pairs(reviews, "closed"),
        controls=tuple(f"{each.sort} {each.control}" for one in reviews for each in one.controls),
        register=tuple(f"{each.sort} {each.activity}" for one in reviews for each in one.register_),
        blast=tuple(f"{each.impact} {each.machine}" for one in reviews for each in one.blast),
    )


def _flags(violation: object) -> list[str]:
    return [f"({flag})" for flag in ("known", "waived", "doubtful") if getattr(violation, flag)]


def _pairs(reviews: list[Review], sort: str) -> tuple[str, ...]:
    """Return who can talk to whom otherwise: a pair in both families is told once."""
    families: dict[str, list[FlowChange]] = {}
    for change in (each for one in reviews for each in one.flows if each.sort == sort):
        families.setdefault(f"{change.start} -> {change.end}", []).append(change)
    return tuple(
        pair + ("" if {each.family for each in found} == {4, 6} else f" IPv{found[0].family} alone")
        for pair, found in families.items()
    )
