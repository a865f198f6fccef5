from __future__ import annotations

import ast
import copy
import json
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from beffroi.city.loader import load_city
from beffroi.network import recheck
from beffroi.network.certificate import canonical, certificate
from beffroi.network.committed import proved

pytestmark = pytest.mark.slow  # a checker that shares no code, and no shortcut

ROOT = Path(__file__).parents[3]
SOURCE = Path(recheck.__file__)


@cache
def _hamlet() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(certificate(proved(load_city(ROOT / "tests" / "cases" / "hamlet"))))
    return found


def _sealed(said: dict[str, Any]) -> str:
    """Return the certificate with digests that fit it, as a forger would write them."""
    said.pop("digest", None)
    for machine in said["machines"]:
        chains = [family["machines"][machine]["chains"] for family in said["families"]]
        said["machines"][machine] = sha256(canonical(chains).encode()).hexdigest()
    return canonical({**said, "digest": sha256(canonical(said).encode()).hexdigest()})


def _checked(tmp_path: Path, text: str) -> int:
    (tmp_path / "certificate.json").write_text(text)
    return recheck.main([str(tmp_path / "certificate.json")])


def test_the_reference_citys_certificate_holds(tmp_path: Path) -> None:
    assert _checked(tmp_path, certificate(proved(load_city(ROOT / "inventory" / "bourg-sur-gave")))) == 0


def _rule_turned(said: dict[str, Any]) -> None:
    chains = [chain for each in said["families"][0]["machines"].values() for chain in each["chains"]]
    rules = [case for chain in chains for cases in chain["rules"].values() for case in cases]
    next(case for case in rules if "new" in (case["states"] or ()) and case["verb"] == "accept")["verb"] = "drop"


def _claim_widened(said: dict[str, Any]) -> None:
    said["families"][0]["claims"][0][2][0][2] = "ffff"


def _claim_left_out(said: dict[str, Any]) -> None:
    said["families"][0]["claims"].pop()


def _bound_moved(said: dict[str, Any]) -> None:
    said["families"][0]["sources"][1][0][0] += 1


def _flow_removed(said: dict[str, Any]) -> None:
    flow = next(each["flow"] for each in said["families"][0]["declared"] if each["first"])
    declared = said["families"][0]["declared"]
    said["families"][0]["declared"] = [each for each in declared if each["flow"] != flow]


def _services_merged(said: dict[str, Any]) -> None:
    services = said["families"][0]["services"]
    services[0] += services.pop()


@pytest.mark.parametrize(
    "forged", [_rule_turned, _claim_widened, _claim_left_out, _bound_moved, _flow_removed, _services_merged]
)
def test_a_forged_certificate_is_refused_though_its_digests_fit(
    tmp_path: Path, forged: Callable[[dict[str, Any]], None]
) -> None:
    said = copy.deepcopy(_hamlet())
    assert _checked(tmp_path, _sealed(said)) == 0
    forged(said)
    assert _checked(tmp_path, _sealed(said)) == 1


def _first(said: dict[str, Any], *path: str) -> Any:  # noqa: ANN401 - JSON
    found: Any = said["families"][0]
    for key in path:
        found = found[key]
    return found


def _core(said: dict[str, Any]) -> dict[str, Any]:
    return dict(_first(said, "machines", "core"))


def _deciding(said: dict[str, Any], chain: str = "forward") -> dict[str, Any]:
    """Return the case of a gateway that lets the flows of the town through."""
    found = next(each for each in _first(said, "machines", "core", "chains") if each["hook"] == chain)
    cases: list[dict[str, Any]] = found["rules"][found["begin"]]
    return next(case for case in cases if case["states"] == ["new"] and case["verb"] == "accept" and case["source"])


def _of_chain(said: dict[str, Any], hook: str = "forward") -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in _first(said, "machines", "core", "chains") if each["hook"] == hook)
    return found


def _declared_first(said: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in _first(said, "declared") if each["first"] and each["end"] == "log")
    return found


# One entry a field of the certificate that carries meaning: how a forger would alter it, digests made to fit.
# What is left are names, for people alone: town, flow, owner, kind; only the digest guards those.
FIELDS: dict[str, Callable[[dict[str, Any]], object]] = {
    "form": lambda said: said.update(form="beffroi network certificate 3"),
    "machines": lambda said: [_first(said, "machines").pop("log"), said["machines"].pop("log")],
    "families": lambda said: said["families"].pop(),
    "every family": lambda said: said["families"].clear(),
    "family": lambda said: said["families"][0].update(family=6),
    "sources": lambda said: _first(said, "sources").append(
        _first(said, "sources").pop() + _first(said, "sources").pop()
    ),
    "destinations": lambda said: _first(said, "destinations")[1][0].reverse(),
    "services": lambda said: _first(said, "services").pop(),
    "segments": lambda said: _first(said, "segments").pop("servers"),
    "members of a segment": lambda said: _first(said, "segments", "servers").clear(),
    "declared": lambda said: _first(said, "declared").clear(),
    "declared start": lambda said: _declared_first(said).update(start="nowhere"),
    "declared end": lambda said: [each.update(end=each["start"], services=[]) for each in _first(said, "declared")],
    "declared source": lambda said: _declared_first(said).update(source=None),
    "declared destination": lambda said: _declared_first(said).update(destination=None),
    "declared services": lambda said: _declared_first(said).update(services=[]),
    "declared opening": lambda said: _declared_first(said).update(opening=[ALL]),
    "claims": lambda said: _first(said, "claims").clear(),
    "claimed start": lambda said: _first(said, "claims")[0].__setitem__(0, "nowhere"),
    "claimed end": lambda said: _first(said, "claims")[0].__setitem__(1, "nowhere"),
    "claimed packets": lambda said: _first(said, "claims")[0][2].pop(),
    "forwards": lambda said: _first(said, "machines", "core").update(forwards=False),
    "own": lambda said: _first(said, "machines", "log").update(own=[]),
    "local": lambda said: _first(said, "machines", "log").update(local=[]),
    "exits": lambda said: _core(said)["exits"].clear(),
    "chains": lambda said: _core(said)["chains"].clear(),
    "hook": lambda said: _of_chain(said).update(hook="input"),
    "policy": lambda said: _of_chain(said).update(policy="accept"),
    "priority": lambda said: _of_chain(said, "output").update(priority=-300),
    "begin": lambda said: _of_chain(said).update(begin="nowhere"),
    "rules": lambda said: _of_chain(said)["rules"][_of_chain(said)["begin"]].clear(),
    "rule's families": lambda said: _deciding(said).update(families=[6]),
    "rule's source": lambda said: _deciding(said).update(source=[]),
    "rule's destination": lambda said: _deciding(said).update(destination=[]),
    "rule's services": lambda said: _deciding(said).update(services=[]),
    "rule's entry": lambda said: _deciding(said).update(entry=[[["nowhere"], [], False]]),
    "rule's exit": lambda said: _deciding(said).update(exit=[[["nowhere"], [], False]]),
    "rule's states": lambda said: _deciding(said).update(states=["established"]),
    "rule's connection": lambda said: _deciding(said).update(connection=["reply", None, None]),
    "rule's unknown words": lambda said: _deciding(said).update(unknown=[False]),
    "rule's verb": lambda said: _deciding(said).update(verb="perhaps"),
    "rule's chain": lambda said: _deciding(said).update(verb="jump", chain="nowhere"),
}
ALL = [0, 255, 0, 65535, 0, 65535, "f" * 64]


@pytest.mark.parametrize("field", FIELDS)
def test_no_field_that_carries_meaning_can_be_altered_alone(tmp_path: Path, field: str) -> None:
    said = copy.deepcopy(_hamlet())
    FIELDS[field](said)
    assert said != _hamlet()
    assert _checked(tmp_path, _sealed(said)) in {1, 2}


def test_without_a_new_digest_no_field_at_all_can_be_altered(tmp_path: Path) -> None:
    said = copy.deepcopy(_hamlet())
    for name, altered in {"town": "elsewhere", "form": "", "machines": {}, "families": [], "digest": "0" * 64}.items():
        assert _checked(tmp_path, canonical({**said, name: altered})) == 1
    _deciding(said)["owner"] = "somebody else"
    assert _checked(tmp_path, canonical(said)) == 1


def test_a_rule_altered_under_its_machines_digest_is_refused(tmp_path: Path) -> None:
    said = copy.deepcopy(_hamlet())
    _deciding(said)["owner"] = "somebody else"
    del said["digest"]
    assert _checked(tmp_path, canonical({**said, "digest": sha256(canonical(said).encode()).hexdigest()})) == 1


def test_a_digest_of_another_document_is_refused(tmp_path: Path) -> None:
    assert _checked(tmp_path, json.dumps({**_hamlet(), "town": "elsewhere"})) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '{"digest": 1}', "[" * 5000, '{"digest": {}, "machines": 3}'])
def test_what_is_no_certificate_cannot_be_read(tmp_path: Path, text: str) -> None:
    assert _checked(tmp_path, text) in {1, 2}


def test_the_checker_imports_nothing_of_the_prover() -> None:
    nodes = [node for node in ast.walk(ast.parse(SOURCE.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not [name for name in map(ast.unparse, nodes) if "beffroi" in name or "from ." in name]


def test_the_checker_is_small_enough_to_be_read() -> None:
    assert len(SOURCE.read_text().splitlines()) < 200
