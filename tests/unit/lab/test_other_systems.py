"""The lab has one image: a machine of another system is refused before anything runs, where it is written."""

from pathlib import Path

import pytest

from beffroi.city.loader import load
from beffroi.errors import InvalidCity
from beffroi.lab.debian import require_bootable

HAMLET = Path(__file__).parents[2] / "cases" / "hamlet" / "city.yml"


def _town(folder: Path, text: str) -> Path:
    (folder / "city.yml").write_text(text, encoding="utf-8")
    return folder


def test_the_labs_own_system_boots(tmp_path: Path) -> None:
    require_bootable(load(_town(tmp_path, HAMLET.read_text(encoding="utf-8"))))


def test_each_other_system_is_told_with_its_line(tmp_path: Path) -> None:
    text = HAMLET.read_text(encoding="utf-8").replace("os: debian-12", "os: debian-13", 2)
    with pytest.raises(InvalidCity) as caught:
        require_bootable(load(_town(tmp_path, text), shown_as="hamlet"))
    written = [line for line, words in enumerate(text.splitlines(), 1) if "debian-13" in words]
    places = [(it.file, it.line, it.field) for it in caught.value.problems]
    assert places == [
        ("hamlet/city.yml", written[0], "gateways.core.os"),
        ("hamlet/city.yml", written[1], "hosts.bastion.os"),
    ]
