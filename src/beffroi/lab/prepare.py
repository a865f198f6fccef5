"""Prepare what every lab shares, for `scripts/setup`: `python -m beffroi.lab.prepare`."""

from __future__ import annotations

import sys

import click

from beffroi.errors import BeffroiError

from .headroom import make_room
from .repository import town_repository


def main() -> int:
    """Make room in the kernel; make the image and the mirror unless they are there; return the exit status."""
    try:
        make_room()
        town_repository(lambda sentence: click.echo(f"  {sentence}"))
    except BeffroiError as error:
        click.echo(str(error), err=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
