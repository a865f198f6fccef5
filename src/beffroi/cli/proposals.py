"""The versions that the gate compares: the files as they are, or those of a commit, with their policies."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

from beffroi import declaration, git
from beffroi.city import City
from beffroi.city.loader import load as load_town
from beffroi.errors import InvalidCity, InvalidInput, Problem, Reading
from beffroi.fieldpath import WHOLE_FILE
from beffroi.gate import invariants
from beffroi.messages import say
from beffroi.network.invariants import Invariant
from beffroi.policy import Policy, load_policies
from beffroi.remedy import mended, remedied, spared
from beffroi.reviewing import Version, judging, version
from beffroi.waiver import FILE, load_waivers

_CONTENT = ("compliance", "policies")
_Read = TypeVar("_Read")


@dataclass(frozen=True)
class Where:
    """Where a version's files lie: `root` holds the content, and `shown` leads there from the top, for people.

    `refused` is what git holds there and is not read.
    """

    root: Path
    shown: PurePosixPath
    name: str = ""
    refused: tuple[Problem, ...] = ()

    def version(self, town: PurePosixPath, profile: str) -> Version:
        """Load one town of this version, `town` being its path from the root; raise InvalidCity."""
        self._require_read(town)
        folder, shown = self.root / town, (self.shown / town).as_posix()
        reading = Reading()
        declared = reading.part(lambda: declaration.load(folder, root=self.root, profile=profile, shown_as=shown))
        policies = reading.part(lambda: load_policies(self.root))
        if declared is None or policies is None:
            raise InvalidCity(reading.problems)
        prefix = "" if self.shown == PurePosixPath() else f"{self.shown}/"
        return version(mended(declared, policies), policies, prefix=prefix)

    def committed(self, town: PurePosixPath) -> tuple[City, dict[str, Policy]]:
        """Return the city that one town of this version commits to, and its policies; raise InvalidCity."""
        self._require_read(town)
        folder, shown = self.root / town, (self.shown / town).as_posix()
        policies = load_policies(self.root)
        waivers, _ = load_waivers(folder, shown_as=PurePosixPath(shown, FILE).as_posix())
        city, _ = remedied(load_town(folder, shown_as=shown).city, policies, spared(waivers))
        return city, policies

    def _require_read(self, town: PurePosixPath) -> None:
        """Raise InvalidCity when something that the town needs was left out, or lies elsewhere."""
        parts = [self.shown / part for part in (*_CONTENT, town)]
        refused = [it for it in self.refused if any(PurePosixPath(it.file).is_relative_to(part) for part in parts)]
        if not (self.root / town).is_dir():
            refused = [*self.refused]  # whichever of them it is that hides the town
        elif not (self.root / town).resolve().is_relative_to(self.root.resolve()):
            shown = (self.shown / town).as_posix()
            refused.append(Problem(shown, 1, WHOLE_FILE, say("review-linked-town"), say("review-linked-town-hint")))
        if refused:
            raise InvalidCity(refused)


@dataclass(frozen=True)
class Asked:
    """What a person asks to be compared: towns by their path from the root, in the head, and in the base if any."""

    towns: tuple[PurePosixPath, ...]
    head: Where
    base: Where | None


def asked_of_the_network(question: Asked, town: PurePosixPath) -> tuple[City, tuple[Invariant, ...]]:
    """Return what the gate is going to ask of the network: a city, and the invariants of the policies that judge it.

    Raise InvalidCity where the proposal cannot be read.
    """
    city, policies = question.head.committed(town)
    before = None
    if question.base is not None:
        with suppress(InvalidCity, InvalidInput):
            before = load_policies(question.base.root)
    return city, invariants(judging(policies, before)) if city.flows else ()


def compared_with(question: Asked, town: PurePosixPath) -> City | None:
    """Return the city that a town is compared with; None where there is none, or none that can be read."""
    return _as_it_stood(question.base, town, lambda base: base.committed(town)[0])[0]


@contextmanager
def asked(towns: Sequence[Path], root: Path | None, base: str | None, head: str | None) -> Iterator[Asked]:
    """Lay out the versions for as long as they are looked at; raise InvalidInput for what git does not have."""
    content = Path(root or declaration.content_root(towns[0] if towns else Path.cwd())).resolve()
    chosen = tuple(_within(content, town) for town in towns) or _all_towns(content)
    here = Where(content, PurePosixPath(), head or "")
    if base is None and head is None:
        yield Asked(chosen, here, None)
        return
    repository = git.repository_of(content)
    from_top = repository.path_of(content)
    folders = [from_top / folder for folder in (*map(PurePosixPath, _CONTENT), *chosen)]
    tip = git.commit_of(repository, head or "HEAD")
    with ExitStack() as stack:

        def laid_out(commit: str, name: str) -> Where:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="beffroi-gate-")))
            refused = git.write_tree(repository, commit, folders, folder)
            return Where(folder / from_top, from_top, name, refused)

        old = None
        if base is not None:
            old = laid_out(git.fork_point(repository, git.commit_of(repository, base), tip), base)
        new = laid_out(tip, head) if head is not None else replace(here, shown=from_top)
        yield Asked(chosen, new, old)


def _within(content: Path, town: Path) -> PurePosixPath:
    named = Path.cwd() / town
    # A town that is a link is refused where it is read, by its own name.
    for candidate in (named.parent.resolve() / named.name, town.resolve()):
        if candidate.name != ".." and candidate.is_relative_to(content):
            return PurePosixPath(candidate.relative_to(content).as_posix())
    raise InvalidInput(say("git-outside", top=content.name), where=str(town))


def _all_towns(content: Path) -> tuple[PurePosixPath, ...]:
    folders = sorted({path.parent for path in (content / "inventory").glob("*/*.yml")})
    if not folders:
        raise InvalidInput(say("review-no-town"), where=content.name, hint=say("review-no-town-hint"))
    return tuple(PurePosixPath("inventory", folder.name) for folder in folders)


def base_version(where: Where | None, town: PurePosixPath, profile: str) -> tuple[Version | None, str]:
    """Return a town as it stood, and why it cannot be read: a new town has no base, and a faulty base stops nobody."""
    return _as_it_stood(where, town, lambda base: base.version(town, profile))


def _as_it_stood(where: Where | None, town: PurePosixPath, read: Callable[[Where], _Read]) -> tuple[_Read | None, str]:
    if where is None or not (where.root / town).is_dir():
        return None, ""
    try:
        return read(where), ""
    except InvalidCity as error:
        return None, str(error.problems[0])
    except InvalidInput as error:
        return None, error.what
