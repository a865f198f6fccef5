"""A town's folder: one file or several, each field's place, and trouble with the folder itself."""

import contextlib
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beffroi.city.loader import load, load_city
from beffroi.errors import InvalidCity

MINIMAL = Path(__file__).parents[2] / "cases" / "minimal"
WHOLE = (MINIMAL / "city.yml").read_text("utf-8")


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEFFROI_LANG", "en")


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yml").write_text(text, "utf-8")
    return folder


def split(marker: str) -> tuple[str, str]:
    before, after = WHOLE.split(marker, 1)
    return before, marker + after


def test_the_minimal_city_is_read() -> None:
    city = load_city(MINIMAL)
    assert list(city.hosts) == ["records"]
    assert city.flows[0].source == ("desks",)
    assert city.services["https"].ranges() == ((443, 443),)


def test_a_town_split_by_sections_is_the_same_town(tmp_path: Path) -> None:
    first, second = split("gateways:\n")
    assert load_city(write(tmp_path, a=first, b=second)) == load_city(MINIMAL)


def test_entries_of_one_section_may_stand_in_several_files(tmp_path: Path) -> None:
    flows, more_flows = split("  - name: ping-servers\n")
    assert load_city(write(tmp_path, a=flows, b=f"flows:\n{more_flows}")) == load_city(MINIMAL)


def test_a_field_is_located_in_the_file_that_holds_it(tmp_path: Path) -> None:
    flows, more_flows = split("  - name: ping-servers\n")
    loaded = load(write(tmp_path, a=flows, b=f"flows:\n{more_flows}"), shown_as="town")
    assert loaded.where(("flows", 0, "name")) == "town/a.yml:59"
    assert loaded.where(("flows", 1, "service")) == "town/b.yml:5"


def test_a_field_that_is_not_written_is_located_at_its_parent() -> None:
    assert load(MINIMAL, shown_as="town").where(("services", "ping", "encrypted")) == "town/city.yml:23"


def test_the_waivers_are_not_part_of_the_city(tmp_path: Path) -> None:
    assert load_city(write(tmp_path, city=WHOLE, waivers="- waived: x\n")) == load_city(MINIMAL)


def test_mistakes_of_several_files_are_told_together(tmp_path: Path) -> None:
    with pytest.raises(InvalidCity) as refused:
        load_city(write(tmp_path, a="a: &x 1\n", b="b: \t1\n"))
    assert len(refused.value.problems) == 2


def test_a_section_that_is_a_list_here_and_a_mapping_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidCity, match="`flows` is already defined"):
        load_city(write(tmp_path, a=WHOLE, b="flows: {}\n"))


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidCity, match="there is no such folder"):
        load_city(tmp_path / "nowhere")


def test_a_folder_without_a_city_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidCity, match="the folder holds no city"):
        load_city(tmp_path)


def test_a_broken_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "city.yml").symlink_to("city-of-yesterday.yml")
    with pytest.raises(InvalidCity, match="there is no such file"):
        load_city(tmp_path)


def test_a_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    shutil.copy(MINIMAL / "city.yml", tmp_path / "parts" / "whole.yml")
    (tmp_path / "city.yml").symlink_to("parts/whole.yml")
    assert load_city(tmp_path) == load_city(MINIMAL)


HOST = """
  host-{n}:
    label: {{fr: Serveur, en: Server}}
    os: debian-12
    interfaces:
      many: {{ipv4: 10.1.{high}.{low}, ipv6: "fd00:1::1:{n}"}}
    responsible: it
"""


def test_a_city_of_a_thousand_hosts_is_read_in_seconds(tmp_path: Path) -> None:
    many = "".join(HOST.format(n=n, high=n // 256, low=n % 256) for n in range(1, 1001))
    segment = "many: {label: {fr: Ferme, en: Farm}, vlan: 30, ipv4: 10.1.0.0/16, ipv6: 'fd00:1::/64', zone: servers}"
    folder = write(tmp_path, city=WHOLE, farm=f"segments:\n  {segment}\nhosts:{many}")
    began = time.process_time()
    assert len(load_city(folder).hosts) == 1001
    assert time.process_time() - began < 10


LINES = WHOLE.splitlines()
WORDS = st.sampled_from(["", "x", "no", "-1", "[", "{}", "''", "internet", "servers: ", "- a", "&a", "10.0.10.1", "é"])


def spoilt(edits: list[tuple[int, int, str]], *, keep: bool) -> str:
    lines = list(LINES)
    for line, column, word in edits:
        lines[line] = lines[line][:column] + word + (lines[line][column:] if keep else "")
    return "\n".join(lines)


EDITS = st.lists(st.tuples(st.integers(0, len(LINES) - 1), st.integers(0, 40), WORDS), min_size=1, max_size=4)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.builds(spoilt, EDITS, keep=st.booleans()))
def test_however_a_city_is_spoilt_it_is_read_or_refused(tmp_path: Path, text: str) -> None:
    with contextlib.suppress(InvalidCity):
        load_city(write(tmp_path, city=text))
