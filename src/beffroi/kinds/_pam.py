"""PAM's stacks as a service really has them: files read from /etc/pam.d, their includes resolved (pam.conf(5))."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_LINE = re.compile(r"^-?(?P<type>auth|account|password|session)\s+(?P<control>\[[^]]*\]|\S+)\s+(?P<rest>.+)$")
_INCLUDE = re.compile(r"^@include\s+(?P<file>\S+)$")


@dataclass(frozen=True)
class PamLine:
    """One module of a stack: how its answer counts, its name (`pam_unix`) and its arguments."""

    control: str
    module: str
    arguments: tuple[str, ...]

    @property
    def refuses(self) -> bool:
        """Tell whether the module's refusal refuses the whole stack."""
        return self.control in {"required", "requisite"}


def stack(files: Mapping[str, str], service: str, kind: str) -> list[PamLine]:
    """Return the lines of `kind` (`auth`...) of a service; a file that is missing holds none."""
    found: list[PamLine] = []
    for line in _logical_lines(files.get(service, "")):
        if included := _INCLUDE.match(line):
            found += stack({name: text for name, text in files.items() if name != service}, included["file"], kind)
            continue
        match = _LINE.match(line)
        if not match or match["type"] != kind:
            continue
        module, *arguments = match["rest"].split()
        if match["control"] in {"include", "substack"}:
            found += stack({name: text for name, text in files.items() if name != service}, module, kind)
        else:
            found.append(PamLine(match["control"], module.rpartition("/")[2].removesuffix(".so"), tuple(arguments)))
    return found


def position(lines: list[PamLine], module: str, argument: str | None = None) -> int | None:
    """Return where a module stands in a stack (with `argument`, if one is given), or None."""
    places = (
        place
        for place, line in enumerate(lines)
        if line.module == module and (argument is None or argument in line.arguments)
    )
    return next(places, None)


def _logical_lines(text: str) -> list[str]:
    joined = text.replace("\\\n", " ")
    lines = (line.partition("#")[0].strip() for line in joined.splitlines())
    return [line for line in lines if line]
