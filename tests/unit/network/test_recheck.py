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


def test_a_digest_of_another_document_is_refused(tmp_path: Path) -> None:
    assert _checked(tmp_path, json.dumps({**_hamlet(), "town": "elsewhere"})) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '{"digest": 1}', "[" * 5000, '{"digest": {}, "machines": 3}'])
def test_what_is_no_certificate_cannot_be_read(tmp_path: Path, text: str) -> None:
    assert _checked(tmp_path, text) in {1, 2}


def test_the_checker_imports_nothing_of_the_prover() -> None:
    nodes = [node for node in ast.walk(ast.parse(SOURCE.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not [name for name in map(ast.unparse, nodes) if "beffroi" in name or "from ." in name]


def test_the_checker_is_small_enough_to_be_read() -> None:
    nodes = [each for each in ast.walk(ast.parse(SOURCE.read_text())) if isinstance(each, ast.Module | ast.FunctionDef)]
    words = sum(len((ast.get_docstring(node) or "").splitlines()) for node in nodes)
    lines = [line for line in SOURCE.read_text().splitlines() if line.strip() and not line.strip().startswith("#")]
    assert len(lines) - words < 200
