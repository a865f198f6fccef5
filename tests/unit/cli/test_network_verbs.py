"""`prove` and `flows` as a person meets them: without root, machine, state or nft unless a text is given."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from beffroi.city.loader import load_city
from beffroi.cli.verbs import program
from beffroi.errors import InvalidInput
from beffroi.network.ruleset import ruleset

pytestmark = pytest.mark.slow  # each proves or follows a whole town

ROOT = Path(__file__).parents[3]
HAMLET = ROOT / "tests" / "cases" / "hamlet"


@pytest.fixture(autouse=True)
def _at_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("BEFFROI_LANG", "en")


def _says(*words: str) -> tuple[int, str]:
    done: Result = CliRunner().invoke(program, list(words), standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return (done.return_value if isinstance(done.return_value, int) else 0), done.output


def _gateway() -> tuple[str, str]:
    city = load_city(HAMLET)
    name = next(iter(city.gateways))
    return name, ruleset(city, name)


def test_a_town_is_proved_in_a_sentence() -> None:
    code, said = _says("prove", str(HAMLET))
    assert code == 0
    assert "what is allowed is what is declared" in said


def test_the_proof_speaks_french(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEFFROI_LANG", "fr")
    assert "ce qui passe est ce qui est déclaré" in _says("prove", str(HAMLET))[1]


def test_a_ruleset_with_a_rule_too_many_is_refuted_by_a_packet_and_the_rule(tmp_path: Path) -> None:
    name, text = _gateway()
    file = tmp_path / "rules.nft"
    file.write_text(f'{text}\ninsert rule inet beffroi forward tcp dport 9 accept comment "hole"\n')
    code, said = _says("prove", str(HAMLET), "--firewall", f"{name}={file}")
    assert code == 1
    assert "tcp/9" in said
    assert "(hole)" in said


def test_every_deviation_is_in_the_json(tmp_path: Path) -> None:
    name, _ = _gateway()
    (tmp_path / "none.json").write_text('{"nftables": []}')
    code, said = _says("prove", str(HAMLET), "--json", "--firewall", f"{name}={tmp_path / 'none.json'}")
    assert code == 1
    assert {each["sort"] for each in json.loads(said)["deviations"]} >= {"more", "stray"}


@pytest.mark.parametrize("content", ["", "[]", "{", '{"nftables": 5}', "\x1b[31m", '{"nftables": [{"rule": {}}]}'])
def test_a_file_that_is_no_ruleset_is_refused_in_a_sentence(tmp_path: Path, content: str) -> None:
    name, _ = _gateway()
    (tmp_path / "bad.json").write_text(content)
    with pytest.raises(InvalidInput) as refused:
        _says("prove", str(HAMLET), "--firewall", f"{name}={tmp_path / 'bad.json'}")
    assert "\x1b" not in str(refused.value)


def test_each_flow_is_listed_with_its_place() -> None:
    code, said = _says("flows", "list", str(HAMLET))
    assert code == 0
    assert all(".yml:" in line for line in said.splitlines())


def test_a_refused_connection_ends_with_one_and_names_who_refuses() -> None:
    code, said = _says("flows", "why", "inventory/bourg-sur-gave", "air-sensors -> db:5432")
    assert code == 1
    assert "refused by core" in said


def test_a_declared_connection_names_its_line() -> None:
    code, said = _says("flows", "why", "inventory/bourg-sur-gave", "air-sensors -> mqtt:8883")
    assert code == 0
    assert "flow sensors-to-collector" in said


def test_a_town_compared_with_itself_is_unchanged(tmp_path: Path) -> None:
    shutil.copytree(HAMLET, tmp_path / "hamlet")
    code, said = _says("flows", "diff", str(tmp_path / "hamlet"), str(HAMLET), "--root", str(ROOT))
    assert (code, said) == (0, "unchanged, proved: every packet fares as before\n")


def test_each_rule_of_a_compiled_town_does_something() -> None:
    assert _says("flows", "anomalies", str(HAMLET)) == (0, "each rule does something\n")
