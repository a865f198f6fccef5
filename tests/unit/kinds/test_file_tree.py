from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from beffroi.errors import CouldNotLook
from beffroi.kinds import file_tree
from beffroi.kinds.file_tree import Params, Rule, Setting
from beffroi.verdict import Outcome

Says = Callable[..., Any]

END = "@@walked 0\0"


def judged(host: object, rule: Rule, *allowed: str) -> list[tuple[Outcome, str]]:
    settings = [Setting(rule=rule, allowed=allowed)]
    facts = file_tree.observe(host, settings)  # type: ignore[arg-type]
    return [(finding.outcome, finding.subject) for finding in file_tree.judge(settings, facts)]


@pytest.mark.parametrize("rule", list(Rule))
def test_a_walk_that_finds_nothing_passes(host_that_says: Says, rule: Rule) -> None:
    assert judged(host_that_says(END), rule) == [(Outcome.PASS, rule)]


@pytest.mark.parametrize("rule", list(Rule))
def test_each_file_that_a_rule_refuses_fails(host_that_says: Says, rule: Rule) -> None:
    said = f"{rule} f 4777 root root /srv/one\0{rule} f 4777 root root /srv/two\0{END}"
    assert judged(host_that_says(said), rule) == [(Outcome.FAIL, "/srv/one"), (Outcome.FAIL, "/srv/two")]


def test_what_another_rule_refuses_is_no_failure(host_that_says: Says) -> None:
    said = f"unowned f 0600 54321 54321 /srv/left\0{END}"
    assert judged(host_that_says(said), Rule.PRIVILEGED) == [(Outcome.PASS, "privileged")]


def test_a_declared_program_is_spared(host_that_says: Says) -> None:
    said = f"privileged f 4755 root root /usr/bin/sudo\0{END}"
    assert judged(host_that_says(said), Rule.PRIVILEGED, "/usr/bin/su*") == [(Outcome.PASS, "privileged")]


def test_a_pattern_stands_for_one_name_alone(host_that_says: Says) -> None:
    said = f"privileged f 4755 root root /usr/bin/deep/sudo\0{END}"
    assert judged(host_that_says(said), Rule.PRIVILEGED, "/usr/*") == [(Outcome.FAIL, "/usr/bin/deep/sudo")]


@pytest.mark.parametrize("name", ["a b", "a\nunowned f 0600 1 1 /b", "\x1b[2J", "@@walked 0", "'; rm -rf /"])
def test_a_name_may_hold_anything(host_that_says: Says, name: str) -> None:
    said = f"world_writable f 0666 root root /srv/{name}\0{END}"
    assert judged(host_that_says(said), Rule.WORLD_WRITABLE) == [(Outcome.FAIL, f"/srv/{name}")]


def test_a_flood_fails_its_rule_and_leaves_the_others_unknown(host_that_says: Says) -> None:
    said = "unowned f 0600 9 9 /srv/one\0unowned f 0600 9 9 /srv/tw"
    assert judged(host_that_says(said), Rule.UNOWNED) == [(Outcome.FAIL, "/srv/one")]
    assert judged(host_that_says(said), Rule.PRIVILEGED) == [(Outcome.ERROR, "privileged")]


@pytest.mark.parametrize("said", ["", "@@walked 1\0", "nonsense\0" + END, "unowned f 0600\0" + END, "@@walked 0"])
def test_what_cannot_be_read_is_no_look(host_that_says: Says, said: str) -> None:
    with pytest.raises(CouldNotLook):
        judged(host_that_says(said), Rule.UNOWNED)


@pytest.mark.parametrize(
    ("before", "after", "weaker"),
    [
        (Params(rule=Rule.UNOWNED), Params(rule=Rule.PRIVILEGED), True),
        (Params(rule=Rule.UNOWNED), Params(rule=Rule.UNOWNED, allowed=("/srv/a",)), True),
        (Params(rule=Rule.UNOWNED, allowed=("/srv/a",)), Params(rule=Rule.UNOWNED), False),
    ],
)
def test_sparing_more_is_weaker(before: Params, after: Params, weaker: bool) -> None:  # noqa: FBT001 - the answer
    assert file_tree.weakened(before, after) is weaker


class Here:
    """This computer as a host, the walk kept to one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, command: str) -> Any:  # noqa: ANN401 - testinfra's own result
        script = command.replace("find / ", f"find {shlex.quote(str(self.folder))} ")
        done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=False)
        done.rc = done.returncode  # type: ignore[attr-defined]
        return done


def test_the_real_walk_finds_what_each_rule_refuses(tmp_path: Path) -> None:
    for name, mode in (("open", 0o666), ("setuid", 0o4755), ("good", 0o644)):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(mode)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    (tmp_path / "sticky").mkdir()
    (tmp_path / "sticky").chmod(0o1777)
    (tmp_path / "link").symlink_to("open")
    found = file_tree.observe(Here(tmp_path), [])  # type: ignore[arg-type]
    paths = {rule: [Path(each[-1]).name for each in files] for rule, files in found["files"].items()}
    owned = {"world_writable": ["open"], "unsticky": ["shared"], "privileged": ["setuid"]}
    assert {rule: paths[rule] for rule in owned} == owned
    assert found["whole"]


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file to nobody known takes root")
@pytest.mark.lab
def test_the_real_walk_finds_a_file_without_owner_and_a_link_too(tmp_path: Path) -> None:
    (tmp_path / "left").touch()
    (tmp_path / "link").symlink_to("left")
    for name in ("left", "link"):
        os.chown(tmp_path / name, 54321, -1, follow_symlinks=False)
    found = file_tree.observe(Here(tmp_path), [])  # type: ignore[arg-type]
    assert [Path(each[-1]).name for each in found["files"]["unowned"]] == ["left", "link"]
