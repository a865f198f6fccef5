"""Run the Pulumi program of a town, the engine played by Pulumi's own mocks, and print as JSON what it declares.

In a process of its own: the SDK keeps an event loop and sockets open until its process ends.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import mocks

from beffroi.city import City
from beffroi.components import City as CityComponent
from beffroi.targets.lab import LabTarget


class Engine(mocks.Mocks):
    """An engine that makes nothing: it notes what is declared, and answers with the inputs and a host key."""

    def __init__(self) -> None:
        self.declared: list[dict[str, Any]] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        self.declared.append({"type": args.typ, "name": args.name, "inputs": dict(args.inputs)})
        return f"id-{args.name}", {**args.inputs, "hostKey": f"ssh-ed25519 {args.name}"}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]]]:
        return dict(args.args), []


def main() -> None:
    city = City.model_validate_json(sys.stdin.read())
    engine, keys = Engine(), {}
    mocks.set_mocks(engine, project="city", stack="test")

    @pulumi.runtime.test
    def program() -> pulumi.Output[None]:
        password = pulumi.Output.secret("not-a-password")
        target = LabTarget("test", city, Path("/image"), Path("/mirror"), "ssh-ed25519 deploy", password)
        return CityComponent(city, target).host_keys.apply(keys.update)

    program()
    sys.stdout.write(json.dumps({"declared": engine.declared, "keys": keys}))


main()
