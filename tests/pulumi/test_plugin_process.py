"""The plugin's process, as the engine finds it, starts it and ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc
from town import Town

from beffroi.provider.wire import marshal_struct

pytestmark = pytest.mark.slow  # each starts a plugin

PLUGIN = [sys.executable, str(Path(__file__).with_name("cupboard.py"))]


@pytest.fixture
def plugin() -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen([*PLUGIN, "127.0.0.1:1"], stdout=pipe, stderr=pipe, text=True, env=buffered) as process:
        yield process
        process.kill()


def runs(process: Path) -> bool:
    """Tell whether it runs; one that ended and that nobody has buried does not."""
    try:
        return "\nState:\tZ" not in (process / "status").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.pulumi
def test_a_project_runs_with_the_plugin_installed_in_its_pulumi_home(town: Town) -> None:
    assert "shelf of" in town.run("up", "--yes", "--skip-preview")
    assert len(town.boxes()) == 1
    town.run("preview", "--expect-no-changes")
    town.run("destroy", "--yes", "--skip-preview")
    assert town.boxes() == []
    assert town.plugin_processes() == []


@pytest.mark.pulumi
def test_the_engine_accepts_the_schema(town: Town) -> None:
    plugin = town.root / "home/plugins/resource-cupboard-v0.1.0/pulumi-resource-cupboard"
    assert '"willReplaceOnChanges": true' in town.run("package", "get-schema", str(plugin))


def test_the_first_line_is_the_port_alone(plugin: subprocess.Popen[str]) -> None:
    assert plugin.stdout is not None
    assert plugin.stdout.readline().strip().isdigit()


def test_what_a_verb_prints_never_reaches_the_engines_standard_output(
    plugin: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert plugin.stdout is not None
    with grpc.insecure_channel(f"127.0.0.1:{plugin.stdout.readline().strip()}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        stub.Configure(provider_pb2.ConfigureRequest(args=marshal_struct({"directory": str(tmp_path)})))
        urn = "urn:pulumi:dev::town::cupboard:index:Box::oak"
        stub.Create(provider_pb2.CreateRequest(urn=urn, properties=marshal_struct({"name": "oak"})))
    plugin.terminate()
    assert plugin.communicate(timeout=30) == ("", "a stray line\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once_cleanly_and_without_a_word(
    plugin: subprocess.Popen[str], number: signal.Signals
) -> None:
    assert plugin.stdout is not None
    plugin.stdout.readline()
    start = time.monotonic()
    plugin.send_signal(number)
    assert plugin.communicate(timeout=30) == ("", "")
    assert plugin.returncode == 0
    assert time.monotonic() - start < 10


def test_it_ends_soon_after_its_parents_death() -> None:
    # A shell starts the plugin in the background, tells its id, and is killed without a chance to tell it anything.
    with subprocess.Popen(
        ["sh", "-c", '"$@" >&2 & echo $!; wait', "sh", *PLUGIN],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as shell:
        assert shell.stdout is not None
        assert shell.stderr is not None
        orphan = Path("/proc", shell.stdout.readline().strip())
        assert shell.stderr.readline().strip().isdigit()
        shell.kill()
        start = time.monotonic()
        while runs(orphan) and time.monotonic() - start < 30:
            time.sleep(0.02)
        assert time.monotonic() - start < 10
