"""The policies as a page of Markdown: `python -m beffroi.report.policy_catalogue > docs/policy-catalogue.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from beffroi.policy import Policy, load_policies

COMMAND = "python -m beffroi.report.policy_catalogue > docs/policy-catalogue.md"
_HEADING = "# Policies\n"


def page(policies: Mapping[str, Policy]) -> str:
    """Return the catalogue of `policies`, family after family, in the order of their ids."""
    return "\n".join(_lines(policies)) + "\n"


def _lines(policies: Mapping[str, Policy]) -> Iterator[str]:
    yield _HEADING
    yield f"Generated from `policies/`; do not edit: `{COMMAND}`. What a policy is: [policies.md](policies.md).\n"
    yield "| policy | level | rule | what must be so |"
    yield "|---|---|---|---|"
    for name, policy in sorted(policies.items()):
        title = policy.title.en.replace("|", "\\|")
        yield f"| [`{name}`](../policies/{name}.yml) | {policy.level.value} | {policy.rule or 'schema'} | {title} |"


if __name__ == "__main__":
    click.echo(page(load_policies(Path.cwd())), nl=False)
