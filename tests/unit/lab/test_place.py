import os
from pathlib import Path

import pytest

from beffroi.errors import MissingTool
from beffroi.lab import place
from beffroi.lab.place import LabPlace, require_root


@pytest.fixture(name="here")
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LabPlace:
    monkeypatch.setattr(place, "LABS", tmp_path)
    return LabPlace("bourg")


def test_two_labs_share_no_folder_and_no_namespace(here: LabPlace) -> None:
    other = LabPlace("bourg-2")
    assert here.folder != other.folder
    assert not other.network.startswith(f"{here.network}.")


def test_machines_are_those_that_have_a_folder(here: LabPlace) -> None:
    for name in ("web", "db"):
        here.machine(name).mkdir(parents=True)
    assert here.machines() == ["db", "web"]


def test_a_lab_that_was_never_made_has_no_machine(here: LabPlace) -> None:
    assert here.machines() == []


def test_a_port_fits_in_the_fifteen_bytes_of_linux(here: LabPlace) -> None:
    assert len(here.port("a-very-long-machine-name", "a-long-segment")) <= 15


def test_the_ports_of_a_town_are_all_different(here: LabPlace) -> None:
    ports = {here.port(f"host-{host}", f"segment-{segment}") for host in range(40) for segment in range(25)}
    assert len(ports) == 1000


def test_a_port_is_the_same_at_each_run(here: LabPlace) -> None:
    assert here.port("db", "servers") == LabPlace("elsewhere").port("db", "servers")


def test_only_root_may_make_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MissingTool) as refused:
        require_root()
    assert "sudo" in str(refused.value.hint)
