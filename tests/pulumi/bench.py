"""What the engine tests drive: one stack, its cupboard of boxes, and what Pulumi told of a run."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import cupboard
import pulumi
from pulumi import automation as auto

from beffroi.provider.declare import Declared, declare

PROVIDER = cupboard.cupboard()
SETTINGS = {"PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}


@dataclass
class Told:
    """What Pulumi told of one run: its steps on our resources, its diagnostics, its text, and its error if any."""

    events: list[Any]
    text: str
    error: auto.CommandError | None = None

    def steps(self) -> dict[str, str]:
        """The operation done on each of our resources, the last one where there were several; refreshes left out."""
        return {name: op for op, name in self.order() if op not in ("same", "refresh")}

    def order(self) -> list[tuple[str, str]]:
        """Each step on our resources as (operation, name), in the order of the engine."""
        found = [event.resource_pre_event.metadata for event in self.events if event.resource_pre_event]
        return [
            (str(each.op.value), each.urn.rsplit("::", 1)[-1]) for each in found if each.type.startswith("cupboard:")
        ]

    def foreseen(self, name: str) -> dict[str, Any]:
        """What the engine holds for the resource's properties after its step: in a preview, what it promises."""
        found = [event.res_outputs_event.metadata for event in self.events if event.res_outputs_event]
        return next(dict(each.new.outputs) for each in found if each.new and each.urn.endswith(f"::{name}"))

    def differing(self, name: str) -> dict[str, str]:
        """The properties that differ, and how."""
        found = [event.resource_pre_event.metadata for event in self.events if event.resource_pre_event]
        mine = next(each for each in found if each.urn.endswith(f"::{name}"))
        return {path: str(each.diff_kind.value) for path, each in (mine.detailed_diff or {}).items()}

    def complaints(self) -> str:
        """Errors and warnings, as a person reads them."""
        told = [event.diagnostic_event for event in self.events if event.diagnostic_event]
        return "\n".join(each.message for each in told if each.severity in ("error", "warning"))


@dataclass
class Bench:
    """One stack. `program` is called anew by each run, so a test changes it and runs again."""

    root: Path
    cli: Path
    environment: Mapping[str, str]
    program: Callable[[], object] = field(default=lambda: None)
    _loops: list[asyncio.AbstractEventLoop] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("cupboard", "work", "state", "home"):
            (self.root / name).mkdir()

    def box(self, name: str, *, opts: pulumi.ResourceOptions | None = None, **inputs: object) -> Declared:
        return declare(PROVIDER, cupboard.Box, name, {"name": name, **inputs}, opts)

    def shelf(self, name: str, **inputs: object) -> Declared:
        return declare(PROVIDER, cupboard.Shelf, name, inputs)

    def boxes(self) -> dict[str, dict[str, Any]]:
        """What really stands in the cupboard, by name; a doubled box is an error of its own."""
        found = [box for _, box in cupboard.boxes(self.root / "cupboard")]
        assert len({box["name"] for box in found}) == len(found), "a box was made twice"
        return {box["name"]: box for box in found}

    def tamper(self, name: str, **changes: object) -> None:
        """Change a box behind Pulumi's back."""
        file, box = self._file(name)
        file.write_text(json.dumps({**box, **changes}))

    def steal(self, name: str) -> None:
        """Take a box away behind Pulumi's back."""
        self._file(name)[0].unlink()

    def _file(self, name: str) -> tuple[Path, dict[str, Any]]:
        files: Iterator[Path] = (self.root / "cupboard").glob("box-*.json")
        return next((file, box) for file in files if (box := json.loads(file.read_text()))["name"] == name)

    def flag(self, name: str) -> Path:
        """The file `name` in the cupboard: `refuse-BOX`, `slow-BOX` (see cupboard.Box)."""
        return self.root / "cupboard" / name

    def state_text(self) -> str:
        """The state as it lies on the disk."""
        return next((self.root / "state/.pulumi/stacks").rglob("dev.json")).read_text()

    def resource(self, name: str) -> dict[str, Any]:
        """What the state records of a resource."""
        found = json.loads(self.state_text())["checkpoint"]["latest"].get("resources", [])
        return next(each for each in found if each["urn"].endswith(f"::{name}"))

    def names(self) -> set[str]:
        """The names of our resources in the state."""
        found = json.loads(self.state_text())["checkpoint"]["latest"].get("resources", [])
        return {each["urn"].rsplit("::", 1)[-1] for each in found if each["type"].startswith("cupboard:")}

    @cached_property
    def stack(self) -> auto.Stack:
        backend = (self.root / "state").as_uri()
        stack = auto.create_stack(
            stack_name="dev",
            project_name="bench",
            program=self._run_program,
            opts=auto.LocalWorkspaceOptions(
                work_dir=str(self.root / "work"),
                pulumi_command=auto.PulumiCommand(str(self.cli.parent.parent)),
                env_vars={**SETTINGS, **self.environment, "PULUMI_HOME": str(self.root / "home"),
                          "PULUMI_BACKEND_URL": backend, "PULUMI_CONFIG_PASSPHRASE": "correct horse"},
                project_settings=auto.ProjectSettings("bench", "python", backend=auto.ProjectBackend(backend)),
                stack_settings={"dev": auto.StackSettings(config=self._config())},
            ),
        )  # fmt: skip
        # After each run the Automation API asks the CLI three more questions. These tests read the state itself, and
        # take a third of the time.
        stack.outputs = dict  # type: ignore[method-assign]
        stack.info = lambda *_: object()  # type: ignore[assignment, method-assign]
        return stack

    def _config(self) -> dict[str, str]:
        # A list travels as JSON text, as `pulumi config set` writes it.
        return {"cupboard:directory": str(self.root / "cupboard"), "cupboard:allowedWoods": '["oak", "elm"]'}

    def _run_program(self) -> None:
        self._loops.append(asyncio.get_running_loop())
        self.program()

    def close(self) -> None:
        """Close the event loops that Pulumi's SDK leaves open when a run fails, lest Python warn of them later."""
        for loop in self._loops:
            deadline = time.monotonic() + 10
            while loop.is_running() and time.monotonic() < deadline:
                time.sleep(0.02)
            loop.close()

    def run(self, verb: Callable[..., object], **options: object) -> Told:
        """Run one verb of a stack, `bench.run(bench.stack.up)`; an error is kept for the test to read."""
        events: list[Any] = []
        lines: list[str] = []
        error = None
        try:
            verb(on_event=events.append, on_output=lines.append, color="never", **options)
        except auto.CommandError as refusal:
            error = refusal
        return Told(events, "\n".join(lines), error)

    def up(self, **options: object) -> Told:
        return self.run(self.stack.up, **options)

    def preview(self, **options: object) -> Told:
        return self.run(self.stack.preview, **options)

    def refresh(self, **options: object) -> Told:
        return self.run(self.stack.refresh, **options)

    def destroy(self, **options: object) -> Told:
        return self.run(self.stack.destroy, **options)
