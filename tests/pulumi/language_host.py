"""A Pulumi language host for Python, for tests alone, where the CLI comes without the official one.

Never put it on a user's PATH: a language plugin on the PATH wins over the one that comes with the official CLI.
The protocol is `proto/pulumi/language.proto` in pulumi/pulumi; what `EXECUTOR` does is what Pulumi's own
`pulumi-language-python-exec` does: configure the SDK, then run the program inside the stack.
"""

# ruff: noqa: ANN001, ANN201, N802 - names and types are those of Pulumi's protocol, in a base class without types

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

EXECUTOR = """
import asyncio, json, os, runpy, sys, traceback
import pulumi, pulumi.runtime
job = json.loads(os.environ.pop("LANGUAGE_HOST_JOB"))
pulumi.runtime.set_all_config(job["config"], job["secret_keys"])
pulumi.runtime.configure(pulumi.runtime.Settings(**job["settings"]))
sys.argv = [job["program"], *job["arguments"]]
sys.path.insert(0, job["program"] if os.path.isdir(job["program"]) else os.path.dirname(job["program"]))
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
code = 32  # the engine's word for: the program has said itself what went wrong
try:
    loop.run_until_complete(pulumi.runtime.run_in_stack(lambda: runpy.run_path(job["program"], run_name="__main__")))
    code = 0
except pulumi.RunError as error:
    pulumi.log.error(str(error))
except KeyboardInterrupt:
    pass  # the user knows
except Exception:
    pulumi.log.error("Program failed with an unhandled exception:\\n" + traceback.format_exc())
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)
"""
SAID_ITSELF = 32


class Host(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs a stack's program, and the plugins that are written in Python, as processes of this interpreter."""

    def __init__(self, engine: str) -> None:
        self.engine = engine

    def Handshake(self, request, _context):
        self.engine = request.engine_address or self.engine
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, _request, _context):
        return plugin_pb2.PluginInfo(version="0.0.0")

    def Cancel(self, _request, _context):
        return empty_pb2.Empty()

    def GetRequiredPlugins(self, _request, _context):
        return language_pb2.GetRequiredPluginsResponse()

    def GetRequiredPackages(self, _request, _context):
        return language_pb2.GetRequiredPackagesResponse()

    def RuntimeOptionsPrompts(self, _request, _context):
        return language_pb2.RuntimeOptionsResponse()

    def InstallDependencies(self, _request, _context) -> Iterator[language_pb2.InstallDependenciesResponse]:
        yield language_pb2.InstallDependenciesResponse(stdout=b"nothing to install\n")

    def About(self, _request, _context):
        return language_pb2.AboutResponse(executable=sys.executable, version=sys.version.split()[0])

    def GetProgramDependencies(self, _request, _context):
        return language_pb2.GetProgramDependenciesResponse()

    def Run(self, request, context):
        environment = {**os.environ, "LANGUAGE_HOST_JOB": json.dumps(self.job(request))}
        folder = request.pwd or request.info.program_directory
        process = subprocess.Popen([sys.executable, "-u", "-c", EXECUTOR], env=environment, cwd=folder)
        context.add_callback(lambda: process.poll() is None and process.kill())
        code = process.wait()
        if code in (0, SAID_ITSELF):
            return language_pb2.RunResponse(bail=code == SAID_ITSELF)
        return language_pb2.RunResponse(error=f"the program ended with {code}")

    def job(self, request) -> dict[str, object]:
        settings = {
            "monitor": request.monitor_address,
            "engine": self.engine,
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization,
            "parallel": request.parallel,
            "dry_run": request.dryRun,
            "root_directory": request.info.root_directory,
        }
        return {
            "settings": settings,
            "program": str(Path(request.info.program_directory, request.info.entry_point)),
            "arguments": list(request.args),
            "config": dict(request.config),
            "secret_keys": list(request.configSecretKeys),
        }

    def RunPlugin(self, request, context) -> Iterator[language_pb2.RunPluginResponse]:
        target = str(Path(request.info.program_directory, request.info.entry_point))
        policies = ["-m", "pulumi.policy", *request.args, target]
        command = [sys.executable, "-u", *(policies if request.kind == "analyzer" else [target, *request.args])]
        environment = {**os.environ, **dict(each.split("=", 1) for each in request.env if "=" in each)}
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, env=environment, cwd=request.pwd or None, stdout=pipe, stderr=pipe)
        context.add_callback(lambda: process.poll() is None and process.kill())
        for name, chunk in chunks({"stdout": process.stdout, "stderr": process.stderr}):
            yield language_pb2.RunPluginResponse(**{name: chunk})
        yield language_pb2.RunPluginResponse(exitcode=process.wait())


def chunks(streams: dict[str, IO[bytes]]) -> Iterator[tuple[str, bytes]]:
    """Yield what comes out of each named stream, as it comes, until all are closed."""
    heard: queue.Queue[tuple[str, bytes]] = queue.Queue()

    def listen(name: str, stream: IO[bytes]) -> None:
        for chunk in iter(lambda: os.read(stream.fileno(), 65536), b""):
            heard.put((name, chunk))
        heard.put((name, b""))

    for name, stream in streams.items():
        threading.Thread(target=listen, args=(name, stream), daemon=True).start()
    open_ = len(streams)
    while open_:
        name, chunk = heard.get()
        if chunk:
            yield name, chunk
        else:
            open_ -= 1


def main() -> None:
    server = grpc.server(ThreadPoolExecutor(16), options=[("grpc.max_receive_message_length", 400 * 1024 * 1024)])
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(Host(sys.argv[1] if len(sys.argv) > 1 else ""), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    try:
        server.wait_for_termination()
    except KeyboardInterrupt:
        server.stop(0)


if __name__ == "__main__":
    main()
