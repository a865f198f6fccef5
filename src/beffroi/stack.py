"""The town's Pulumi stack, driven through the Automation API: the real CLI, the real engine, state on disk."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi import automation as auto

from beffroi import __version__
from beffroi.errors import CouldNotAct
from beffroi.messages import say
from beffroi.plan import Step
from beffroi.state import StackState

PROJECT = "city"
CONSOLE_PASSWORD = "beffroi:consolePassword"  # noqa: S105 - the name of a setting
_WAIT_FOR_DYING_RUN = 60.0

Tell = Callable[[Step, bool], None]
"""Told of each step: the step, and whether it has ended."""


class CityStack:
    """One town's stack. Made on first use: its passphrase, its console password and its plugin link included.

    `program` declares the resources. Every verb raises CouldNotAct with the engine's own diagnostics when it fails.
    """

    def __init__(self, state: StackState, program: Callable[[], None], pulumi_cli: Path) -> None:
        self._state = state
        self._work = state.part("work")
        backend = os.environ.get("PULUMI_BACKEND_URL") or state.part("pulumi").as_uri()
        self.environment = {
            "PULUMI_BACKEND_URL": backend,
            "PULUMI_HOME": str(state.part("home")),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(state.passphrase_file()),
        }
        _write_if_changed(self._work / "Pulumi.yaml", f"name: {PROJECT}\nruntime: python\n")
        _install_plugin(state.part("home"))
        options = auto.LocalWorkspaceOptions(
            work_dir=str(self._work),
            env_vars=self.environment,
            pulumi_command=auto.PulumiCommand(root=str(_tethered(state, pulumi_cli)), skip_version_check=True),
        )
        self._stack = auto.create_or_select_stack(state.name, PROJECT, program=program, opts=options)
        self._ensure_console_password()

    @property
    def config_file(self) -> Path:
        """Return the stack's settings file, its secrets encrypted (for a plain `pulumi --config-file`)."""
        return self._work / f"Pulumi.{self._state.name}.yaml"

    def preview(self, *, refresh: bool) -> list[Step]:
        """Return what an apply would do, nothing done; with `refresh`, compared with what really stands."""
        steps = _Steps()
        with _plain_errors(steps):
            self._stack.preview(on_event=steps.take, refresh=refresh or None, color="never")
        return steps.changes()

    def up(self, tell: Tell) -> list[Step]:
        """Make the town so; what was altered or died is mended too."""
        steps = _Steps(tell)
        with _plain_errors(steps):
            self._stack.up(on_event=steps.take, refresh=True, color="never", suppress_outputs=True)
        return steps.changes()

    def refresh(self, tell: Tell) -> list[Step]:
        """Write into the state what really stands."""
        steps = _Steps(tell)
        with _plain_errors(steps):
            self._stack.refresh(on_event=steps.take, color="never")
        return steps.changes()

    def destroy(self, tell: Tell) -> list[Step]:
        """Remove everything that the stack made."""
        steps = _Steps(tell)
        with _plain_errors(steps):
            self._stack.destroy(on_event=steps.take, color="never")
        return steps.changes()

    def host_keys(self) -> dict[str, str]:
        """Return each machine's public SSH host key, as provisioning reported it."""
        return {
            resource["inputs"]["name"]: resource["outputs"]["hostKey"]
            for resource in self.resources()
            if "hostKey" in resource.get("outputs", {}) and "name" in resource.get("inputs", {})
        }

    def resources(self) -> list[dict[str, Any]]:
        """Return the resources of the state, secrets still encrypted."""
        return list((self._stack.export_stack().deployment or {}).get("resources", []))

    def recover(self, tell: Callable[[str], None]) -> None:
        """Clear what a run that was killed has left: its lock, once its process is gone, and its pending operations.

        A pending creation is dropped from the state: the lab's creations start by removing what bears their name.
        """
        for lock in self._locks():
            self._await_end(lock, tell)
        if self._locks():
            tell(say("stack-clearing"))
            self._stack.cancel()
        if (self._stack.export_stack().deployment or {}).get("pending_operations"):
            tell(say("stack-clearing"))
            with _plain_errors(_Steps()):
                self._stack.refresh(clear_pending_creates=True, color="never")

    def _locks(self) -> list[Path]:
        return sorted((self._state.part("pulumi") / ".pulumi" / "locks").rglob("*.json"))

    @staticmethod
    def _await_end(lock: Path, tell: Callable[[str], None]) -> None:
        with contextlib.suppress(OSError, ValueError, KeyError):
            pid = int(json.loads(lock.read_text())["pid"])
            deadline, told = time.monotonic() + _WAIT_FOR_DYING_RUN, False
            while time.monotonic() < deadline and lock.exists() and _is_pulumi(pid):
                if not told:
                    tell(say("stack-waiting", pid=pid))
                    told = True
                time.sleep(0.2)

    def _ensure_console_password(self) -> None:
        if not self.config_file.is_file() or "consolePassword" not in self.config_file.read_text():
            password = os.environ.get("BEFFROI_CONSOLE_PASSWORD") or secrets.token_urlsafe(24)
            self._stack.set_config(CONSOLE_PASSWORD, auto.ConfigValue(password, secret=True))


def console_password() -> pulumi.Output[str]:
    """Return the break-glass account's password, within a program: always a secret."""
    return pulumi.Config("beffroi").require_secret("consolePassword")


class _Steps:
    """What the engine's events say: steps, and diagnostics for the error message."""

    def __init__(self, tell: Tell | None = None) -> None:
        self._tell = tell
        self._steps: dict[str, Step] = {}
        self.errors: list[str] = []

    def take(self, event: auto.EngineEvent) -> None:
        """Note one event of the engine."""
        if event.resource_pre_event:
            self._note(event.resource_pre_event.metadata, ended=False)
        elif event.res_outputs_event:
            self._note(event.res_outputs_event.metadata, ended=True)
        elif event.diagnostic_event and event.diagnostic_event.severity == "error":
            name = (event.diagnostic_event.urn or "").rpartition("::")[2]
            self.errors.append(f"{name}: {event.diagnostic_event.message.strip()}")

    def _note(self, metadata: Any, *, ended: bool) -> None:  # noqa: ANN401 - the SDK's union of event shapes
        step = Step(
            operation=str(getattr(metadata.op, "value", metadata.op)),
            type=metadata.type,
            name=metadata.urn.rpartition("::")[2],
            changes=tuple(sorted(metadata.diffs or ())),
        )
        if step.type.startswith("pulumi:") or step.operation in {"same", "refresh", "read"}:
            return
        if step.operation == "update" and metadata.new and not metadata.new.custom:
            return  # a component's inputs tell what is declared, and drive nothing: its resources have their own steps
        known = self._steps.get(metadata.urn)
        # An update after a refresh is one change of one resource, and a replacement is told in several events.
        if known is None or known.operation in {"delete-replaced", "create-replacement"}:
            self._steps[metadata.urn] = step
        if self._tell:
            self._tell(step, ended)

    def changes(self) -> list[Step]:
        """Return the steps, in a stable order."""
        return sorted(self._steps.values(), key=lambda step: (step.type, step.name, step.operation))


@contextlib.contextmanager
def _plain_errors(steps: _Steps) -> Any:  # noqa: ANN401 - a context manager of nothing
    try:
        yield
    except auto.CommandError as error:
        words = "\n".join(steps.errors) or str(error).strip()[-2000:]
        raise CouldNotAct(say("stack-failed", words=words), hint=say("stack-failed-hint")) from error


def _tethered(state: StackState, pulumi_cli: Path) -> Path:
    """Return a Pulumi root whose CLI is interrupted, as by Ctrl-C, when the process that started it dies.

    So a killed `beffroi apply` lets the engine end its current step and save, instead of working on unseen.
    """
    root = state.part("tether")
    (root / "bin").mkdir(exist_ok=True)
    script = f'#!/bin/sh\nexec setpriv --pdeathsig INT -- "{pulumi_cli}" "$@"\n'
    _write_if_changed(root / "bin" / "pulumi", script, mode=0o755)
    return root


def _install_plugin(home: Path) -> None:
    """Put our provider where Pulumi looks for plugins: a script that starts this very Python."""
    folder = home / "plugins" / f"resource-beffroi-v{__version__}"
    folder.mkdir(parents=True, exist_ok=True)
    script = f'#!/bin/sh\nexec "{sys.executable}" -m beffroi.provider.plugin "$@"\n'
    _write_if_changed(folder / "pulumi-resource-beffroi", script, mode=0o755)


def _write_if_changed(path: Path, text: str, *, mode: int = 0o600) -> None:
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)
        path.chmod(mode)


def _is_pulumi(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "pulumi"
    except OSError:
        return False


def environment_of(state: StackState) -> Mapping[str, str]:
    """Return what a plain `pulumi` needs in its environment to work on the same stack."""
    return {
        "PULUMI_BACKEND_URL": os.environ.get("PULUMI_BACKEND_URL") or state.part("pulumi").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(state.passphrase_file()),
    }
