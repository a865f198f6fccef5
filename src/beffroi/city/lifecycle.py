"""The operating systems that a town may declare, and the last day on which somebody mends them. A pure table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

OperatingSystem = Literal["debian-11", "debian-12", "debian-13"]

LAST_DAY_OF_SUPPORT: Mapping[OperatingSystem, date] = {
    "debian-11": date(2026, 8, 31),
    "debian-12": date(2028, 6, 30),
    "debian-13": date(2030, 6, 30),
}
"""End of Debian's long-term support, kernel included; commercial extensions do not count.

Source: https://wiki.debian.org/LTS, as of July 2026. Debian's own security team stops about two years earlier.
"""
