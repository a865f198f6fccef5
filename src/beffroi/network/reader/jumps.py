"""Where chains jump to: somewhere, never in a loop, and not too deep. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from beffroi.fieldpath import visible
from beffroi.messages import say
from beffroi.network.firewall import Chain

from .refusals import NotAFirewall

DEEPEST = 16
"""Chains that may be entered one from another: the kernel's NFT_JUMP_STACK_SIZE."""


def refuse_loops(chains: Mapping[str, Chain]) -> None:
    """Refuse jumps to nowhere, jumps in a loop, and jumps deeper than the kernel's."""
    depths: dict[str, int] = {}
    for name in chains:
        for found, depth in _depths(name, chains, depths):
            depths[found] = depth  # noqa: PERF403 - the generator reads what is stored
        if depths[name] > DEEPEST:
            raise NotAFirewall(say("reading-jumps-deep", chain=visible(name), most=DEEPEST))


def _depths(name: str, chains: Mapping[str, Chain], known: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Yield the depth of a chain and of those below it, lowest first."""
    path: list[tuple[str, list[str]]] = [(name, _jumps(name, chains))]
    while path and name not in known:
        here, left = path[-1]
        waiting = [each for each in left if each not in known]
        if not waiting:
            path.pop()
            yield here, 1 + max((known[each] for each in left), default=0)
            continue
        if any(waiting[0] == above for above, _ in path):
            raise NotAFirewall(say("reading-loop", chain=visible(waiting[0])), hint=say("reading-malformed-hint"))
        path.append((waiting[0], _jumps(waiting[0], chains)))


def _jumps(name: str, chains: Mapping[str, Chain]) -> list[str]:
    verdicts = (case.verdict for rule in chains[name].rules for case in rule.cases)
    found = list(dict.fromkeys(verdict.chain for verdict in verdicts if verdict.chain))
    for target in found:
        if target not in chains:
            raise NotAFirewall(say("reading-no-chain", name=visible(target)), hint=say("reading-malformed-hint"))
    return found
