from pathlib import Path

import pytest

from beffroi.lab import cache


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEFFROI_CACHE", str(tmp_path / "cache"))


def test_what_is_built_once_is_not_built_again() -> None:
    folder = cache.cache_folder() / "thing"
    cache.build_once(folder, lambda unfinished: (unfinished / "made").write_text("first") and None)
    cache.build_once(folder, lambda unfinished: (unfinished / "made").write_text("second") and None)
    assert (folder / "made").read_text() == "first"


def test_a_build_cut_short_is_never_taken_for_the_real_thing() -> None:
    folder = cache.cache_folder() / "thing"

    def cut_short(unfinished: Path) -> None:
        (unfinished / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.build_once(folder, cut_short)
    assert not folder.exists()


def test_a_new_build_starts_without_what_one_cut_short_left_behind() -> None:
    folder = cache.cache_folder() / "thing"
    left_behind = folder.with_name(".building-thing") / "half"
    left_behind.parent.mkdir(parents=True)
    left_behind.touch()
    cache.build_once(folder, lambda unfinished: (unfinished / "made").touch())
    assert [entry.name for entry in folder.iterdir()] == ["made"]
