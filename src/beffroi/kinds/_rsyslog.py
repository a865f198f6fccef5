"""What rsyslog's configuration says, as `rsyslogd -N1 -o` prints it, with all that it includes. Pure.

Names of parameters and of objects have no case (rsyslog's documentation, "RainerScript configuration objects").
"""

from __future__ import annotations

import re

_OBJECT = re.compile(
    r"^[^#\n]*?\b(?P<sort>action|module|input|global)\s*\((?P<words>[^)]*)\)", re.MULTILINE | re.IGNORECASE
)
_WORD = re.compile(r'(?P<name>[\w.]+)\s*=\s*(?:"(?P<value>[^"]*)"|\[(?P<values>[^\]]*)\])')
_QUOTED = re.compile(r'"([^"]*)"')
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
_LEGACY = re.compile(
    r"^[^#$\"(\n]*\s@{1,2}[\[(\w:].*$|^\s*\$(?:InputTCPServerRun|UDPServerRun|DefaultNetstreamDriver\w*)\b.*$",
    re.MULTILINE | re.IGNORECASE,
)
_DISCARD = re.compile(r"\bstop\b|(?:^|[\s&])~\s*$", re.MULTILINE)


def objects(configuration: str, sort: str) -> list[dict[str, str]]:
    """Return the parameters of each `sort(...)`, names in lower case; the words of a list are joined by a comma."""
    found = []
    for each in _OBJECT.finditer(configuration):
        if each["sort"].lower() == sort:
            words = (match.groupdict() for match in _WORD.finditer(each["words"]))
            found.append({word["name"].lower(): _value(word["value"], word["values"]) for word in words})
    return found


def _value(value: str | None, values: str | None) -> str:
    return value if value is not None else ",".join(_QUOTED.findall(values or ""))


def legacy_lines(configuration: str) -> int:
    """Return how many lines send or listen in the old way (`*.* @@host`, `$InputTCPServerRun`), without TLS."""
    return len(_LEGACY.findall(configuration))


def discards(configuration: str, before: str = "") -> int:
    """Return how many statements throw lines away (`stop`, `~`); with `before`, those that come before this text."""
    text = configuration.partition(before)[0] if before else configuration
    return len(_DISCARD.findall(_QUOTED.sub('""', _COMMENT.sub("", text))))
