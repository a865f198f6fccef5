"""The command line: one verb a file. Exit codes: 0 all good, 1 something fails, 2 could not tell."""

from __future__ import annotations

import gc
import sys

import click

from beffroi.errors import BeffroiError, InvalidCity
from beffroi.messages import say

from .verbs import program


def main() -> None:
    """Run the command line; a mistake is told in a sentence, never as a traceback."""
    status = _status()
    # A process that ends gives all back at once: looking for cycles in a large town's millions would take seconds.
    gc.freeze()
    sys.exit(status)


def _status() -> int:
    try:
        status = program(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo(say("cli-interrupted"), err=True)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 2
    except BeffroiError as error:
        click.echo(str(error), err=True)
        if isinstance(error, InvalidCity):
            click.echo(say("cli-problems", count=len(error.problems)), err=True)
        return error.exit_code
    except OSError as error:
        click.echo(say("cli-os-error", place=error.filename or "", reason=error.strerror or error), err=True)
        return 2
    return status if isinstance(status, int) else 0
