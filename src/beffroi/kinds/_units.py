"""What systemd says of several units at once."""

from __future__ import annotations


def units_shown(text: str) -> dict[str, dict[str, str]]:
    """Return the properties that `systemctl show` printed (systemctl(1)), by the unit's Id."""
    blocks = (dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in text.split("\n\n"))
    return {block["Id"]: block for block in blocks if "Id" in block}
