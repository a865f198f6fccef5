"""The server around the servicer, and the process that Pulumi starts as `pulumi-resource-NAME ENGINE_ADDRESS`."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc  # type: ignore[import-untyped] # its stubs are another package
from pulumi.runtime.proto import provider_pb2_grpc

from beffroi.provider.process import PluginProcess
from beffroi.provider.resource import Provider
from beffroi.provider.servicer import CHANNEL_OPTIONS, Servicer

# Verbs wait (for a boot, for SSH) far more than they compute; Pulumi itself bounds how many run at once.
WORKERS = 64
# How long verbs under way may take to notice that they are cancelled. Less than the five seconds that Pulumi gives us.
GRACE_SECONDS = 3.0
# An engine that died cannot be told anything: what its verbs do then, nobody records.
ORPHAN_GRACE_SECONDS = 0.2


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
    process = PluginProcess()
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    service = serve(provider, addresses[0] if addresses else "")
    process.announce(service.port)
    service.stop(GRACE_SECONDS if process.wait() else ORPHAN_GRACE_SECONDS)
    process.end()
