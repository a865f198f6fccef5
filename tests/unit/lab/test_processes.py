import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from beffroi.errors import CouldNotAct
from beffroi.lab.processes import container_of, end_container, end_members, first_process

SLEEP = "import time; print('up', flush=True); time.sleep(60)"


@pytest.fixture(name="container")
def _container(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that looks like the container of the machine at `tmp_path/root`."""
    program = tmp_path / "systemd-nspawn"
    program.symlink_to(sys.executable)
    argv = [str(program), "-c", SLEEP, str(tmp_path / "root")]
    with subprocess.Popen(argv, executable=sys.executable, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_a_container_is_found_by_the_folder_of_its_machine(container: subprocess.Popen[str], tmp_path: Path) -> None:
    assert container_of(tmp_path / "root") == container.pid


def test_a_machine_with_a_longer_name_is_another(container: subprocess.Popen[str], tmp_path: Path) -> None:
    assert container.poll() is None
    assert container_of(tmp_path / "roo") is None


def test_another_program_on_the_same_folder_is_no_container(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEP, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert container_of(tmp_path) is None
        process.kill()


def test_a_container_without_children_has_no_first_process(container: subprocess.Popen[str]) -> None:
    assert first_process(container.pid) is None


def test_a_process_that_has_gone_has_no_first_process(container: subprocess.Popen[str]) -> None:
    container.kill()
    container.wait()
    assert first_process(container.pid) is None


def test_a_machine_that_does_not_run_is_ended_already(tmp_path: Path) -> None:
    end_container(tmp_path / "root", seconds=0)


def test_a_container_that_stays_is_told_with_its_process(
    container: subprocess.Popen[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.kill", lambda *_: None)
    with pytest.raises(CouldNotAct, match=str(container.pid)):
        end_container(tmp_path / "root", seconds=0.2)


def test_a_namespace_that_does_not_exist_has_no_member(container: subprocess.Popen[str]) -> None:
    end_members("no-such-namespace-of-ours")
    assert container.poll() is None
