"""The versions that the gate compares: the files as they are, or those of a commit, with their policies."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from beffroi import declaration, git
from beffroi.errors import InvalidCity, InvalidInput
from beffroi.messages import say
from beffroi.policy import load_policies
from beffroi.remedy import mended
from beffroi.reviewing import Version, version

_CONTENT = ("compliance", "policies")


@dataclass(frozen=True)
class Where:
    """Where a version's files lie: `root` holds the content, and `shown` leads there from the top, for people."""

    root: Path
    shown: PurePosixPath
    name: str = ""

    def version(self, town: PurePosixPath, profile: str) -> Version:
        """Load one town of this version, `town` being its path from the root; raise InvalidCity."""
        declared = declaration.load(
            self.root / town, root=self.root, profile=profile, shown_as=(self.shown / town).as_posix()
        )
        prefix = "" if self.shown == PurePosixPath() else f"{self.shown}/"
        policies = load_policies(self.root)
        return version(mended(declared, policies), policies, prefix=prefix)


@dataclass(frozen=True)
class Asked:
    """What a person asks to be compared: towns by their path from the root, in the head, and in the base if any."""

    towns: tuple[PurePosixPath, ...]
    head: Where
    base: Where | None


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
            git.write_tree(repository, commit, folders, folder)
            return Where(folder / from_top, from_top, name)

        old = None
        if base is not None:
            old = laid_out(git.fork_point(repository, git.commit_of(repository, base), tip), base)
        new = laid_out(tip, head) if head is not None else replace(here, shown=from_top)
        yield Asked(chosen, new, old)


def _within(content: Path, town: Path) -> PurePosixPath:
    real = town.resolve()
    if not real.is_relative_to(content):
        raise InvalidInput(say("git-outside", top=content.name), where=str(town))
    return PurePosixPath(real.relative_to(content).as_posix())


def _all_towns(content: Path) -> tuple[PurePosixPath, ...]:
    folders = sorted({path.parent for path in (content / "inventory").glob("*/*.yml")})
    if not folders:
        raise InvalidInput(say("review-no-town"), where=content.name, hint=say("review-no-town-hint"))
    return tuple(PurePosixPath("inventory", folder.name) for folder in folders)


def base_version(where: Where | None, town: PurePosixPath, profile: str) -> tuple[Version | None, str]:
    """Return a town as it stood, and why it cannot be read: a new town has no base, and a faulty base stops nobody."""
    if where is None or not (where.root / town).is_dir():
        return None, ""
    try:
        return where.version(town, profile), ""
    except InvalidCity as error:
        return None, str(error.problems[0])
    except InvalidInput as error:
        return None, error.what
