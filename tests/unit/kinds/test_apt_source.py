from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from beffroi.errors import CouldNotLook
from beffroi.kinds import Site, apt_source
from beffroi.verdict import Outcome

Says = Callable[..., Any]

SETTING = apt_source.Setting(
    uri="http://192.0.2.11/debian", suites=("bookworm",), components=("main",), signed_by="/usr/share/keyrings/town.asc"
)
LINES = "".join(f"{apt_source.FILE}: {line}\n" for line in SETTING.lines())
TARGET = f"{apt_source.FILE}:2|http://192.0.2.11/debian/|bookworm|main|yes\n"
SOUND = {"targets": TARGET, "files": LINES, "loose": "Acquire::AllowInsecureRepositories 0\n"}


def outcome(host: object) -> Outcome:
    (finding,) = apt_source.judge([SETTING], apt_source.observe(host, [SETTING]))
    return finding.outcome


def test_the_one_signed_source_passes(host_that_says: Says) -> None:
    assert outcome(host_that_says(**SOUND)) is Outcome.PASS


@pytest.mark.parametrize(
    ("section", "text"),
    [
        ("targets", ""),
        ("targets", TARGET.replace("|yes", "|no")),
        ("targets", TARGET + "/etc/apt/sources.list:1|http://other.invalid/|bookworm|main|yes\n"),
        ("files", ""),
        ("files", LINES + "/etc/apt/sources.list: deb [trusted=yes] http://other.invalid bookworm main\n"),
        ("files", LINES + f"{apt_source.FILE}: Trusted: yes\n"),
        ("files", LINES.replace("town.asc", "other.asc")),
        ("loose", "Acquire::AllowInsecureRepositories true\n"),
    ],
)
def test_any_other_way_to_take_software_fails(host_that_says: Says, section: str, text: str) -> None:
    assert outcome(host_that_says(**{**SOUND, section: text})) is Outcome.FAIL


def test_an_apt_that_cannot_read_its_sources_could_not_be_looked_at(host_that_says: Says) -> None:
    with pytest.raises(CouldNotLook):
        apt_source.observe(host_that_says(rc=100, stderr="E: Malformed entry"), [SETTING])


def test_a_host_takes_packages_from_the_mirrors_address(site_of: Callable[[str], Site]) -> None:
    (setting,) = apt_source.expected(apt_source.Params(), site_of("app"))
    assert setting.uri == "http://192.0.2.11/debian"


def test_the_mirror_takes_packages_from_its_own_folder(site_of: Callable[[str], Site]) -> None:
    (setting,) = apt_source.expected(apt_source.Params(), site_of("mirror"))
    assert setting.uri == "file:/srv/mirror/debian"


def test_a_city_without_a_mirror_asks_for_nothing(site_of: Callable[[str], Site]) -> None:
    assert apt_source.expected(apt_source.Params(mirror_role="absent"), site_of("app")) == []
