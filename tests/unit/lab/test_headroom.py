from pathlib import Path

import pytest

from beffroi.errors import CouldNotAct
from beffroi.lab import headroom


@pytest.fixture
def limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    stands_for_proc = tmp_path / "max_user_instances"
    monkeypatch.setattr(headroom, "_INSTANCES", stands_for_proc)
    return stands_for_proc


def test_the_kernels_default_is_raised(limit: Path) -> None:
    limit.write_text("128\n")
    headroom.make_room()
    assert int(limit.read_text()) >= 1024


def test_a_limit_that_is_higher_already_is_left_alone(limit: Path) -> None:
    limit.write_text("8192\n")
    headroom.make_room()
    assert limit.read_text() == "8192\n"


def test_a_computer_that_forbids_it_is_told_what_to_do(limit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit.write_text("128\n")

    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "write_text", forbidden)
    with pytest.raises(CouldNotAct) as caught:
        headroom.make_room()
    assert "sysctl" in str(caught.value.hint)
