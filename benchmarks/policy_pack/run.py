"""What the policy pack adds to a preview: `python benchmarks/policy_pack/run.py`, with the Pulumi CLI, without root.

The real engine previews the reference city on the lab's resources (a preview makes nothing), with the pack and without,
by turns; one round to warm up is left out. Absolute times depend on the computer: the ratio is what counts.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import pulumi
from pulumi import automation as auto

from beffroi import __version__
from beffroi.city.loader import load_city
from beffroi.components import City
from beffroi.gate import judge
from beffroi.lab.resources import lab_provider
from beffroi.pack.content import load
from beffroi.provider.serve import serve
from beffroi.pulumi_cli import find_pulumi
from beffroi.rules import Commitment, Proposal
from beffroi.targets.lab import LabTarget

ROOT = Path(__file__).parents[2]
ROUNDS = 7
CITY = load_city(ROOT / "inventory" / "bourg-sur-gave")


def program() -> None:
    """Declare the reference city on the lab's resources."""
    password = pulumi.Output.secret("not-a-password")
    City(CITY, LabTarget("bench", CITY, Path("/image"), Path("/mirror"), "ssh-ed25519 deploy", password))


def stack(work: Path, port: int) -> auto.Stack:
    """Return a stack of its own, whose analyzer and provider are those of this source tree."""
    analyzer = work / "bin" / "pulumi-analyzer-policy-beffroi"
    analyzer.parent.mkdir()
    analyzer.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m beffroi.pack.plugin "$@"\n')
    analyzer.chmod(0o755)
    (work / "home").mkdir()
    environment = {
        "PATH": f"{analyzer.parent}:{os.environ['PATH']}",
        "PULUMI_BACKEND_URL": work.as_uri(),
        "PULUMI_HOME": str(work / "home"),
        "PULUMI_CONFIG_PASSPHRASE": "bench",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DEBUG_PROVIDERS": f"beffroi:{port}",
    }
    command = auto.PulumiCommand(str(find_pulumi().parent.parent), skip_version_check=True)
    options = auto.LocalWorkspaceOptions(env_vars=environment, pulumi_command=command)
    return auto.create_stack("bench", "city", program=program, opts=options)


def seconds(made: auto.Stack, packs: list[str]) -> float:
    """Return how long one preview takes."""
    start = time.perf_counter()
    made.preview(policy_packs=packs, color="never")
    return time.perf_counter() - start


def main() -> None:
    """Print the medians, their ratio, and what the gate's own judgement takes in it."""
    content = load(ROOT / "policies", "town")
    proposal = Proposal(Commitment(CITY, content.controls, content.policies), datetime.now(UTC).date())
    start = time.perf_counter()
    judge(proposal, content.policies)
    judged = time.perf_counter() - start
    service = serve(lab_provider(__version__))
    with tempfile.TemporaryDirectory() as work:
        made = stack(Path(work), service.port)
        pairs = [(seconds(made, []), seconds(made, [str(ROOT / "policies")])) for _ in range(ROUNDS + 1)][1:]
    service.stop(grace=0)
    without, with_pack = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(f"{len(content.policies)} policies, {len(CITY.machines())} machines, {ROUNDS} rounds, medians")
    print(f"preview without the pack {without:.2f} s, with it {with_pack:.2f} s; the judgement alone {judged:.2f} s")
    print(f"ratio preview-with-pack {with_pack / without:.2f}")


if __name__ == "__main__":
    main()
