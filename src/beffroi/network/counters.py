"""Flows that nobody uses, by the counters of our own sets' elements. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def unused(running: Mapping[str, object]) -> list[str]:
    """Return the flows whose every counter, on every machine, stands at zero; they may be unused, or just young.

    `running` holds each machine's `nft -j list ruleset` document; elements of our own sets count and name their flows.
    """
    packets: dict[str, int] = {}
    for document in running.values():
        for names, count in _counted(document):
            for name in names:
                packets[name] = packets.get(name, 0) + count
    return sorted(name for name, count in packets.items() if count == 0)


def _counted(document: object) -> Iterator[tuple[list[str], int]]:
    listed = document.get("nftables", []) if isinstance(document, dict) else []
    for entry in listed:
        for written in entry.get("set", {}).get("elem", ()):
            element = written.get("elem") if isinstance(written, dict) else None
            counter = element.get("counter") if isinstance(element, dict) else None
            if isinstance(counter, dict) and isinstance(element, dict) and "comment" in element:
                # What the comment had no room for is a count, ` +2`, and no flow's name.
                yield str(element["comment"]).partition(" +")[0].split(", "), int(counter.get("packets", 0))
