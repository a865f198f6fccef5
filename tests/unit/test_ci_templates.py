"""The CI templates at work: the very commands of their steps, in a throw-away clone, against a forge on loopback."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml
from forge import BOT, GITHUB, GITLAB, TOKEN, Forge, forge
from repositories import CHECKOUT, TOWN, TownRepository, town_repository

pytestmark = pytest.mark.slow

TEMPLATES = CHECKOUT / "templates" / "ci"
WORKFLOW = yaml.safe_load((TEMPLATES / "github.yml").read_text())
GITHUB_JOB = WORKFLOW["jobs"]["gate"]
GITLAB_JOBS = yaml.safe_load((TEMPLATES / "gitlab-ci.yml").read_text())
GITLAB_JOB = GITLAB_JOBS["beffroi"]
CITY = f"{TOWN}/city.yml"
SHORTCUT = "  - {name: shortcut, from: sensors-on-poles, to: log, service: ssh, purpose: {fr: x, en: x}}\n"
LAST_FLOW = "  - {name: sensors-to-time"
MARK = "<!-- beffroi-gate -->"
GITLAB_TEMP = "/tmp/"  # noqa: S108 - the job's container has no other user
LOCK = "# Nothing: the environment stands already.\n"
STUB = f"""#!/bin/sh
for word; do case $word in */gate.*) echo '{MARK} accepted' > "$word" ;; esac; done
"""
Steps = Callable[..., dict[str, subprocess.CompletedProcess[str]]]


@dataclass(frozen=True)
class Runner:
    """What a forge gives a job: a clone of the proposed change, a folder of its own, and variables."""

    clone: TownRepository
    temp: Path
    forge: Forge

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PYTHONPATH", "LANG") if name in os.environ}
        return {**kept, "PATH": os.environ["PATH"], "HOME": str(self.temp), "BEFFROI_LANG": "en"}

    def shell(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.clone.folder,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def keep_environment(self, venv: Path) -> None:
        """Be a cache that hits: the environment of these tests stands where the job looks for it."""
        venv.mkdir(parents=True)
        (venv / "bin").symlink_to(Path(sys.executable).parent)
        (venv / ".whole").touch()

    def judge_by_a_stub(self) -> None:
        """Be a cache that hits, with a gate that accepts at once: for what is not the gate's own."""
        gate = self.temp / "beffroi" / "bin" / "beffroi"
        gate.parent.mkdir(parents=True)
        (self.temp / "beffroi" / ".whole").touch()
        gate.write_text(STUB)
        gate.chmod(0o755)

    def edit(self, find: str, replace: str) -> None:
        self.clone.edit(CITY, find, replace)
        self.clone.commit()


@pytest.fixture(name="runner")
def _runner(tmp_path: Path) -> Iterator[Runner]:
    """A clone of a bare origin whose main holds the town and what runs in CI."""
    made = town_repository(tmp_path / "origin-files")
    made.git("checkout", "--quiet", "main")
    (made.folder / ".beffroi").mkdir()
    shutil.copy(TEMPLATES / "comment.sh", made.folder / ".beffroi" / "comment.sh")
    (made.folder / ".beffroi" / "requirements.lock").write_text(LOCK)
    made.commit()
    made.git("clone", "--quiet", "--bare", ".", str(tmp_path / "origin.git"))
    made.git("clone", "--quiet", str(tmp_path / "origin.git"), str(tmp_path / "clone"))
    clone = TownRepository(tmp_path / "clone")
    clone.git("checkout", "--quiet", "-b", "change", "origin/main")
    (tmp_path / "temp").mkdir()
    with forge() as stands:
        yield Runner(clone, tmp_path / "temp", stands)


def _filled(text: object, known: dict[str, str]) -> str:
    """Fill in `${{ }}` as the forge would, from what it is known to hold and nothing else."""
    return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: known[found[1]], str(text))


def github(runner: Runner, base: str = "main") -> dict[str, subprocess.CompletedProcess[str]]:
    """Run the workflow's own commands, step by step; those after a failure run where their `if` says so."""
    known = {
        "github.base_ref": base,
        "runner.temp": str(runner.temp),
        "github.event.pull_request.number": "7",
        "github.token": TOKEN,
    }
    given = {
        "GITHUB_OUTPUT": str(runner.temp / "outputs"),
        "GITHUB_STEP_SUMMARY": str(runner.temp / "summary.md"),
        "GITHUB_API_URL": runner.forge.url,
        "GITHUB_REPOSITORY": "town/files",
    }
    done: dict[str, subprocess.CompletedProcess[str]] = {}
    for step in (it for it in GITHUB_JOB["steps"] if "run" in it):
        if any(it.returncode for it in done.values()) and "!cancelled()" not in str(step.get("if")):
            continue
        variables = {
            name: _filled(value, known) for name, value in {**GITHUB_JOB["env"], **step.get("env", {})}.items()
        }
        done[step["name"]] = runner.shell(step["run"], **given, **variables)
    return done


def gitlab(runner: Runner, target: str = "main", token: str = TOKEN) -> dict[str, subprocess.CompletedProcess[str]]:
    """Run the job's own commands as GitLab does: before_script and script in one shell, after_script in another."""
    given = {
        "CI_PROJECT_DIR": str(runner.clone.folder),
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": target,
        "CI_MERGE_REQUEST_IID": "7",
        "CI_API_V4_URL": runner.forge.url,
        "CI_PROJECT_ID": "3",
        "BEFFROI_TOKEN": token,
    }
    for name, value in GITLAB_JOB["variables"].items():
        given[name] = re.sub(r"\$(\w+)", lambda found: given[found[1]], value).replace(GITLAB_TEMP, f"{runner.temp}/")
    before = [it for it in GITLAB_JOB["before_script"] if "venv" not in it and "pip" not in it]
    done = {"script": runner.shell("\n".join([*before, *GITLAB_JOB["script"]]), **given)}
    done["after_script"] = runner.shell("\n".join(GITLAB_JOB["after_script"]), **given)
    return done


@dataclass(frozen=True)
class Template:
    """How to run a template's commands, which of them judges, and where its forge keeps comments."""

    run: Steps
    judge: str
    place: str


EACH_FORGE = pytest.mark.parametrize(
    "ci", [Template(github, "Judge", GITHUB), Template(gitlab, "script", GITLAB)], ids=["GitHub", "GitLab"]
)


def failed(done: dict[str, subprocess.CompletedProcess[str]]) -> dict[str, str]:
    return {name: it.stdout + it.stderr for name, it in done.items() if it.returncode}


@EACH_FORGE
def test_the_second_run_brings_the_comment_up_to_date(runner: Runner, ci: Template) -> None:
    runner.keep_environment(runner.temp / "beffroi")
    runner.forge.write(ci.place, "somebody", f"{MARK} I write like the gate, and am not")
    runner.edit('en: "Keep logs"', 'en: "Keep the logs"')
    assert failed(ci.run(runner)) == {}
    [theirs, ours] = runner.forge.comments
    accepted = ours["body"]
    assert accepted.startswith(MARK)
    runner.edit(LAST_FLOW, SHORTCUT + LAST_FLOW)
    assert failed(ci.run(runner)).keys() == {ci.judge}
    assert runner.forge.comments == [theirs, ours]
    assert "shortcut" in ours["body"]
    assert ours["body"] != accepted
    assert "am not" in theirs["body"]


@EACH_FORGE
def test_a_comment_beyond_the_first_page_is_found(runner: Runner, ci: Template) -> None:
    runner.judge_by_a_stub()
    for number in range(130):
        runner.forge.write(ci.place, "somebody", f"remark {number}")
    runner.forge.write(ci.place, BOT, f"{MARK} of yesterday")
    assert failed(ci.run(runner)) == {}
    assert len(runner.forge.comments) == 131
    assert "yesterday" not in runner.forge.comments[-1]["body"]


@pytest.mark.parametrize("refused", ["GET", "POST"])
@EACH_FORGE
def test_a_comment_that_may_not_be_written_fails_no_job_and_adds_none(
    runner: Runner, ci: Template, refused: str
) -> None:
    runner.judge_by_a_stub()
    runner.forge.refuses = refused
    done = ci.run(runner)
    assert failed(done) == {}
    assert "could not be written" in list(done.values())[-1].stderr
    assert runner.forge.comments == []


def test_a_merge_request_without_a_token_is_judged_all_the_same(runner: Runner) -> None:
    runner.keep_environment(runner.temp / "beffroi")
    runner.edit(LAST_FLOW, SHORTCUT + LAST_FLOW)
    done = gitlab(runner, token="")
    assert (done["script"].returncode, done["after_script"].returncode) == (1, 0)
    assert runner.forge.asked == []
    kept = {path.name for path in (runner.clone.folder / "beffroi-gate").iterdir()}
    assert kept == {"gate.md", "gate.sarif", "gate.xml", "gate.codequality.json"}


def test_gitlab_takes_up_the_reports_that_the_job_writes(runner: Runner) -> None:
    runner.judge_by_a_stub()
    gitlab(runner)
    reports = GITLAB_JOB["artifacts"]["reports"]
    assert reports.keys() == {"junit", "codequality"}
    assert [path for path in reports.values() if not (runner.clone.folder / path).is_file()] == []


def test_gitlab_compares_a_merge_request_with_what_stands_on_the_main_branch(runner: Runner) -> None:
    runner.keep_environment(runner.temp / "beffroi")
    runner.edit(LAST_FLOW, SHORTCUT + LAST_FLOW)  # something stands there that is let pass by nobody
    job = GITLAB_JOBS["beffroi-standing"]
    places = {"OUT": str(runner.temp / "beffroi-gate"), "VENV": str(runner.temp / "beffroi")}
    shell = ['mkdir -p "$OUT"', *job["script"]]
    done = [runner.shell("\n".join(lines), **places) for lines in (shell, job["after_script"])]
    assert [it.returncode for it in done] == [1, 0]
    standing = json.loads((runner.clone.folder / GITLAB_JOB["artifacts"]["reports"]["codequality"]).read_text())
    gitlab(runner)
    proposed = json.loads((runner.temp / "beffroi-gate" / "gate.codequality.json").read_text())
    assert standing
    assert {it["fingerprint"] for it in standing} <= {it["fingerprint"] for it in proposed}
    assert (job["extends"], job["allow_failure"]) == ("beffroi", True)


def test_the_pages_tell_the_job_on_github_too(runner: Runner) -> None:
    runner.judge_by_a_stub()
    github(runner)
    assert (runner.temp / "summary.md").read_text().startswith(MARK)
    out = runner.temp / "beffroi-gate"
    assert {"gate.md", "gate.sarif", "gate.xml"} <= {path.name for path in out.iterdir()}


def test_the_cache_is_keyed_by_the_lock_of_the_base(runner: Runner) -> None:
    runner.judge_by_a_stub()
    (runner.clone.folder / ".beffroi" / "requirements.lock").write_text("evil==1\n")
    runner.clone.commit()
    github(runner)
    assert (runner.temp / "outputs").read_text() == f"lock={sha256(LOCK.encode()).hexdigest()}\n"
    [cache] = [it for it in GITHUB_JOB["steps"] if "cache" in it.get("uses", "")]
    assert "steps.trusted.outputs.lock" in cache["with"]["key"]


@EACH_FORGE
def test_a_pull_request_does_not_choose_the_script_that_holds_the_token(runner: Runner, ci: Template) -> None:
    runner.judge_by_a_stub()
    (runner.clone.folder / ".beffroi" / "comment.sh").write_text('echo "$TOKEN" > stolen\n')
    (runner.clone.folder / "json.py").write_text("open('stolen', 'w').write('x')\n")
    runner.clone.commit()
    ci.run(runner)
    assert not (runner.clone.folder / "stolen").exists()
    assert len(runner.forge.comments) == 1


@EACH_FORGE
def test_a_branch_named_like_a_command_runs_nothing(runner: Runner, ci: Template) -> None:
    name = "x$(touch${IFS}ran);touch${IFS}ran"
    runner.clone.git("push", "--quiet", "origin", f"origin/main:refs/heads/{name}")
    runner.judge_by_a_stub()
    assert failed(ci.run(runner, name)) == {}
    assert not (runner.clone.folder / "ran").exists()


def test_no_shell_line_holds_an_expression_of_the_forge() -> None:
    assert not [step["name"] for step in GITHUB_JOB["steps"] if "${{" in str(step.get("run"))]


def test_the_workflow_asks_for_no_more_rights_than_it_uses() -> None:
    assert WORKFLOW["permissions"] == {}
    assert GITHUB_JOB["permissions"] == {
        "contents": "read",
        "pull-requests": "write",
        "security-events": "write",
    }
    assert set(WORKFLOW[True]) == {"pull_request"}  # YAML 1.1 reads `on` as true


def test_every_action_is_named_with_its_version() -> None:
    used = [step["uses"] for step in GITHUB_JOB["steps"] if "uses" in step]
    assert used
    assert not [name for name in used if not re.fullmatch(r"(actions|github)/[a-z/-]+@v\d+", name)]


def test_a_token_is_on_no_command_line() -> None:
    lines = (TEMPLATES / "comment.sh").read_text().splitlines()
    assert not [line for line in lines if "curl" in line and "header" in line and "TOKEN" in line]


def _wheel(folder: Path, says: str) -> str:
    """Make a package named beffroi in `folder`; return its line of a lock, with the checksum that pip holds it to."""
    folder.mkdir()
    wheel = folder / "beffroi-0.0.1-py3-none-any.whl"
    record = "beffroi-0.0.1.dist-info"
    with ZipFile(wheel, "w") as files:
        files.writestr("gate_stub.py", f"def main():\n    print({says!r})\n")
        files.writestr(f"{record}/METADATA", "Metadata-Version: 2.1\nName: beffroi\nVersion: 0.0.1\n")
        files.writestr(
            f"{record}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        files.writestr(f"{record}/entry_points.txt", "[console_scripts]\nbeffroi = gate_stub:main\n")
        files.writestr(f"{record}/RECORD", "")
    checksum = sha256(wheel.read_bytes()).hexdigest()
    return f"--no-index\n--find-links {folder}\nbeffroi==0.0.1 --hash=sha256:{checksum}\n"


def _installs(runner: Runner) -> dict[str, Callable[[], subprocess.CompletedProcess[str]]]:
    out, venv = str(runner.temp / "beffroi-gate"), str(runner.temp / "beffroi")
    [install] = [it["run"] for it in GITHUB_JOB["steps"] if it.get("name") == "Install Beffroi"]
    lines = [it for it in GITLAB_JOB["before_script"] if "venv" in it or "pip" in it]
    return {
        "GitHub": lambda: runner.shell(install, OUT=out, VENV=venv),
        "GitLab": lambda: runner.shell("\n".join(lines), OUT=out, VENV=venv),
    }


@pytest.mark.slow  # two environments made by pip
@pytest.mark.parametrize("name", ["GitHub", "GitLab"])
def test_what_the_lock_names_is_installed_and_nothing_else_by_that_name(
    runner: Runner, name: str, tmp_path: Path
) -> None:
    (runner.temp / "beffroi-gate").mkdir()
    lock = runner.temp / "beffroi-gate" / "requirements.lock"
    lock.write_text(_wheel(tmp_path / "good", "the lock's"))
    (runner.clone.folder / "venv.py").write_text("raise SystemExit('planted')\n")
    assert failed({name: _installs(runner)[name]()}) == {}
    assert runner.shell('"$VENV/bin/beffroi"', VENV=str(runner.temp / "beffroi")).stdout == "the lock's\n"
    checksum = lock.read_text().split("sha256:")[1]
    lock.write_text(_wheel(tmp_path / "bad", "another").split("sha256:")[0] + f"sha256:{checksum}")
    shutil.rmtree(runner.temp / "beffroi")
    assert "DO NOT MATCH THE HASHES" in failed({name: _installs(runner)[name]()})[name]
