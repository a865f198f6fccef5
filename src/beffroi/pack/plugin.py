"""The process that Pulumi starts as `pulumi-analyzer-policy-beffroi`: a town's policies as a policy pack.

Pulumi looks for it because `PulumiPolicy.yaml` says `runtime: beffroi`, and starts it in the pack's folder with the
engine's address, `.`, and `-OPTION=VALUE` for each option of the runtime. There is one: `profile`, by default `town`.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import grpc  # type: ignore[import-untyped] # its stubs are another package
from pulumi.runtime.proto import analyzer_pb2_grpc

from beffroi.pack.content import Content, load
from beffroi.pack.servicer import Servicer
from beffroi.provider.process import PluginProcess
from beffroi.provider.servicer import CHANNEL_OPTIONS

_PROFILE = "-profile="
_WORKERS = 4


def serve(
    load: Callable[[Path], Content], today: Callable[[], date], stop: threading.Event | None = None
) -> tuple[grpc.Server, int]:
    """Serve a pack from threads of this process; return the server and its port on 127.0.0.1.

    `stop` is set when Pulumi cancels.
    """
    server = grpc.server(ThreadPoolExecutor(_WORKERS, "pack"), options=CHANNEL_OPTIONS)
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Servicer(load, today, stop or threading.Event()), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def profile_of(arguments: Sequence[str]) -> str:
    """Return the profile that the command line asks for."""
    asked = [argument.removeprefix(_PROFILE) for argument in arguments if argument.startswith(_PROFILE)]
    return asked[-1] if asked else "town"


def main() -> None:
    """Serve the policies of the folder that Pulumi names until it is done."""
    profile = profile_of(sys.argv[1:])
    process = PluginProcess()
    _, port = serve(lambda folder: load(folder, profile), lambda: datetime.now(UTC).date(), process.stop)
    process.announce(port)
    process.wait()
    process.end()


if __name__ == "__main__":
    main()
