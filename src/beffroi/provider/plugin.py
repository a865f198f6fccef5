"""The process that Pulumi starts as `pulumi-resource-beffroi`: the lab's provider."""

from __future__ import annotations

from beffroi import __version__
from beffroi.lab.resources import lab_provider
from beffroi.provider.serve import run_plugin


def main() -> None:
    """Serve the lab's resources until Pulumi is done."""
    run_plugin(lab_provider(__version__))


if __name__ == "__main__":
    main()
