import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    languages = ("BEFFROI_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    kept = {name: value for name, value in os.environ.items() if name not in languages}
    return subprocess.run(words, cwd=ROOT, env=kept | environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LANG": "fr_FR.UTF-8"}, "bonjour"),
        ({"LANG": "fr_FR.UTF-8", "BEFFROI_LANG": "en"}, "hello"),
        ({"LC_ALL": "C", "LANG": "fr_FR.UTF-8"}, "hello"),
        ({}, "hello"),
    ],
)
def test_scripts_speak_the_readers_language(environment: dict[str, str], expected: str) -> None:
    assert run("bash", "-c", "source scripts/words.sh; tell hello bonjour", **environment).stdout.strip() == expected


@pytest.mark.parametrize("script", ["setup", "test", "new"])
def test_a_word_that_a_script_does_not_know_shows_its_usage(script: str) -> None:
    told = run(f"scripts/{script}", "nonsense")
    assert told.returncode == 2
    assert f"scripts/{script}" in told.stdout + told.stderr


@pytest.mark.parametrize("name", ["ssh", "ssh/", "../etc/passwd", "Ssh/Root", "a/b/c"])
def test_a_control_is_begun_only_under_a_family_and_a_name(name: str) -> None:
    assert run("scripts/new", "control", name).returncode == 2


def outcome_of(test: str, folder: Path, **environment: str) -> int:
    for name in ("conftest.py", "towns.py"):
        (folder / name).write_text((ROOT / "tests" / name).read_text())
    (folder / "test_it.py").write_text(f"import pytest\n{test}")
    kept = {name: value for name, value in os.environ.items() if name != "CI"}
    kept["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # only what the conftest does is looked at
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    return subprocess.run(argv, cwd=folder, env=kept | environment, capture_output=True, check=False).returncode


SKIPS = {
    "a test": "@pytest.mark.skip\ndef test_it(): ...\n",
    "a module": "pytest.skip('not here', allow_module_level=True)\n",
}


@pytest.mark.parametrize("test", SKIPS.values(), ids=SKIPS.keys())
def test_a_skip_is_a_failure_in_ci(test: str, tmp_path: Path) -> None:
    assert outcome_of(test, tmp_path, CI="true") in (1, 2)


def test_a_skip_is_a_skip_elsewhere(tmp_path: Path) -> None:
    assert outcome_of(SKIPS["a test"], tmp_path) == 0
