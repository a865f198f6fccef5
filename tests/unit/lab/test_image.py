from pathlib import Path

import pytest

from beffroi.lab import image


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BEFFROI_CACHE", str(tmp_path))
    return tmp_path


def test_an_empty_cache_holds_no_image() -> None:
    assert not image.is_cached()


def test_an_image_made_for_another_archive_key_is_another_image(cache: Path) -> None:
    (cache / "town-archive-keyring.asc").write_text("one key")
    image._folder().mkdir()  # noqa: SLF001 - stands for a build of a minute, as root
    assert image.is_cached()
    (cache / "town-archive-keyring.asc").write_text("another key")
    assert not image.is_cached()


@pytest.mark.parametrize("name", ["image-packages.txt", "town-packages.txt"])
def test_a_package_list_names_packages_alone(name: str) -> None:
    packages = image.package_list(name)
    assert packages
    assert not [package for package in packages if "#" in package or " " in package]
