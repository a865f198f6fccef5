"""Example pull requests: a small repository, and what each case proposes to change in it.

A case is a folder of `tests/cases/pull_requests/` with `case.yml`:

* `title`, `why`: what somebody proposes, and what the case is there to show;
* `before`: changes of the base that the case starts from; `changes`: those that it proposes. Each names a `file` and
  says `find` and `replace` (the text must stand there once), `append`, `write` (the whole file), `move` (its new
  name), `link` (a symbolic link's target) or `delete: true`;
* `towns`: the towns that are judged, `val-clair` by default; `strictness`: `strict` by default;
* `awaits`: what does not exist yet, and without which the case is not judged as it expects;
* `expects`: the judgement, and everything found, each as a line of text (`policy subject place`, `start -> end`...).

Beside it stand the accepted `comment.en.md`, `comment.fr.md` and `sarif.jsonl` (the results, a line each).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field
from reviewed import Version, faults, review, version

from beffroi.errors import InvalidCity
from beffroi.gate import Judgement, Strictness
from beffroi.review import FlowChange, Review

ROOT = Path(__file__).parent.parent
CASES = Path(__file__).parent / "cases" / "pull_requests"
TODAY = date(2026, 11, 26)
_GIT = ("git", "-c", "user.name=tests", "-c", "user.email=tests@localhost", "-c", "commit.gpgsign=false")


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
    awaits: str = ""
    expects: Expected


def read_case(folder: Path) -> Case:
    # Not our own reader, which refuses the very characters that some cases propose.
    written = yaml.safe_load((folder / "case.yml").read_text("utf-8"))
    return Case.model_validate({"name": folder.name, **written})


def cases() -> list[Case]:
    return [read_case(path.parent) for path in sorted(CASES.glob("*/case.yml"))]


@dataclass(frozen=True)
class Proposed:
    """A case in git: the folders of both commits, and their names."""

    case: Case
    before: Path
    after: Path
    commits: tuple[str, str]

    def reviews(self, language: str) -> list[Review]:
        """Return what the gate answers about each town; what files hold is told in `language`."""
        return [_judged(self, town) or self._faults(town, language) for town in self.case.towns]

    def sides(self, town: str) -> tuple[Version, Version]:
        """Return the town before and after; raise InvalidCity, told in the language of the environment."""
        before, after = self.commits
        return version(self.before, town, before), version(self.after, town, after)

    def _faults(self, town: str, language: str) -> Review:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BEFFROI_LANG", language)
            with pytest.raises(InvalidCity) as raised:
                self.sides(town)
        return faults(town, raised.value, self.after)


@cache
def _judged(proposed: Proposed, town: str) -> Review | None:
    """Return what the gate answers, in any language; None where the files hold mistakes."""
    try:
        return review(*proposed.sides(town), TODAY, proposed.case.strictness)
    except InvalidCity:
        return None


@dataclass(frozen=True)
class Forge:
    """A throw-away git repository: the base of every case on `main`, and a branch a case."""

    repository: Path

    @classmethod
    def begin(cls, folder: Path) -> Forge:
        repository = folder / "main"
        shutil.copytree(CASES / "base", repository)
        for content in ("policies", "compliance"):
            ignored = shutil.ignore_patterns("*.py", "__pycache__")
            shutil.copytree(ROOT / content, repository / content, ignore=ignored)
        forge = cls(repository)
        forge.git(repository, "init", "--quiet", "--initial-branch=main")
        forge.commit(repository, "the town as it is")
        return forge

    def propose(self, case: Case) -> Proposed:
        """Commit what a case starts from, then what it proposes, each on a branch of its own."""
        before, commit = self.repository, self.git(self.repository, "rev-parse", "main")
        if case.before:
            before = self._tree(f"{case.name}-before", "main")
            commit = self._change(before, case.before, f"before: {case.title}")
        after = self._tree(case.name, commit)
        return Proposed(case, before, after, (commit, self._change(after, case.changes, case.title)))

    def _tree(self, branch: str, start: str) -> Path:
        folder = self.repository.parent / branch
        self.git(self.repository, "worktree", "add", "--quiet", "-b", branch, str(folder), start)
        return folder

    def _change(self, folder: Path, changes: tuple[Change, ...], message: str) -> str:
        for change in changes:
            change.make(folder)
        self.commit(folder, message)
        return self.git(folder, "rev-parse", "HEAD")

    def commit(self, folder: Path, message: str) -> None:
        self.git(folder, "add", "--all")
        self.git(folder, "commit", "--quiet", "--no-verify", f"--message={message}")

    def git(self, folder: Path, *words: str) -> str:
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        done = subprocess.run([*_GIT, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def answered(reviews: list[Review]) -> Expected:
    """Return what reviews say, in the words of `expects`."""
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
