"""The process around the servicer: the port on one line, the signals, the death of the engine.

Pulumi starts `pulumi-resource-NAME ENGINE_ADDRESS`, reads a port from the first line of standard output, and speaks
gRPC to it. At the end it calls Cancel, sends SIGINT, and SIGKILL five seconds later.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import FrameType
from typing import Any

import grpc  # type: ignore[import-untyped] # its stubs are another package
from pulumi.runtime.proto import provider_pb2_grpc

from beffroi.provider.resource import Provider
from beffroi.provider.servicer import CHANNEL_OPTIONS, Servicer

# Verbs wait (for a boot, for SSH) far more than they compute; Pulumi itself bounds how many run at once.
WORKERS = 64
# How long verbs under way may take to notice that they are cancelled. Less than the five seconds that Pulumi gives us.
GRACE_SECONDS = 3.0
# An engine that died cannot be told anything: what its verbs do then, nobody records.
ORPHAN_GRACE_SECONDS = 0.2
HEARTBEAT_SECONDS = 0.5


@dataclass(frozen=True)
class Service:
    """A provider that listens on 127.0.0.1:`port`, in this process."""

    servicer: Servicer[Any]
    server: grpc.Server
    port: int

    def stop(self, grace: float = GRACE_SECONDS) -> bool:
        """Cancel the verbs under way and stop; tell whether they all ended within `grace` seconds."""
        self.servicer.cancel()
        return bool(self.server.stop(grace).wait(grace + 0.1))


def serve(provider: Provider[Any], engine_address: str = "") -> Service:
    """Serve `provider` from threads of this process and return at once.

    Tests attach Pulumi to it with `PULUMI_DEBUG_PROVIDERS=NAME:PORT`.
    """
    servicer = Servicer(provider)
    servicer.connect(engine_address)
    server = grpc.server(ThreadPoolExecutor(WORKERS, "provider"), options=CHANNEL_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return Service(servicer, server, port)


def run_plugin(provider: Provider[Any]) -> None:
    """Be the plugin's process, until Pulumi ends it or dies: what the console script `pulumi-resource-NAME` calls."""
    # Before anything slow: an engine that dies while we start is no longer our parent when we look.
    engine = os.getppid()
    stop = threading.Event()
    _on_signal(stop)
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    service = serve(provider, addresses[0] if addresses else "")
    _announce(service.port)
    grace = GRACE_SECONDS
    while not stop.wait(HEARTBEAT_SECONDS):
        # Polled, and not PR_SET_PDEATHSIG: that signal comes when the *thread* that started us ends, and the engine's
        # threads come and go while it lives. Asking twice a second costs nothing and works on every Unix.
        if os.getppid() != engine:
            grace = ORPHAN_GRACE_SECONDS
            break
    service.stop(grace)
    sys.stderr.flush()
    # Threads that ignored the cancellation would hold the interpreter back, and Pulumi waits for us.
    os._exit(0)


def _on_signal(stop: threading.Event) -> None:
    def leave(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)


def _announce(port: int) -> None:
    """Print the port, alone on its line, and let nothing else reach standard output: the engine reads it."""
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # The same for Python's own buffer, which `os._exit` would not empty.
    sys.stdout = sys.stderr
