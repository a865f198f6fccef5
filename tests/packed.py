"""The policy pack asked as Pulumi's engine asks it, over gRPC: tests that share this stand in several folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2 as proto
from pulumi.runtime.proto import analyzer_pb2_grpc

from beffroi.city import City
from beffroi.components.declared import CITY, GATEWAY, SEGMENT, SERVER, city_inputs
from beffroi.pack.content import Content
from beffroi.provider.wire import marshal_struct
from beffroi.waiver import Waiver

URN = "urn:pulumi:dev::town"


def urn(kind: str, name: str) -> str:
    return f"{URN}::{CITY}::{name}" if kind == CITY else f"{URN}::{CITY}${kind}::{name}"


@dataclass
class Engine:
    """What Pulumi's engine does with a pack: each resource's inputs first, then the whole stack."""

    port: int
    content: Content
    today: date = date(2026, 1, 1)
    stub: Any = field(init=False)

    def __post_init__(self) -> None:
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        self.stub = analyzer_pb2_grpc.AnalyzerStub(self.channel)

    def handshake(self, folder: Path) -> None:
        self.stub.Handshake(proto.AnalyzerHandshakeRequest(engine_address="127.0.0.1:1", root_directory=str(folder)))

    def information(self) -> proto.AnalyzerInfo:
        return self.stub.GetAnalyzerInfo(empty_pb2.Empty())

    def configure(self, *, dry_run: bool) -> None:
        self.stub.ConfigureStack(proto.AnalyzerStackConfigureRequest(stack="dev", project="town", dry_run=dry_run))

    def analyze(
        self, kind: str, name: str, properties: Mapping[str, Any], ignored: Sequence[str] = ()
    ) -> proto.AnalyzeResponse:
        request = proto.AnalyzeRequest(type=kind, urn=urn(kind, name), name=name)
        request.properties.CopyFrom(marshal_struct(properties))
        request.options.CopyFrom(proto.AnalyzerResourceOptions(ignoreChanges=ignored))
        return self.stub.Analyze(request)

    def remediate(self, kind: str, name: str, properties: Mapping[str, Any]) -> list[proto.Remediation]:
        request = proto.AnalyzeRequest(type=kind, urn=urn(kind, name), name=name)
        request.properties.CopyFrom(marshal_struct(properties))
        return list(self.stub.Remediate(request).remediations)

    def analyze_stack(self, resources: list[tuple[str, str, str]]) -> proto.AnalyzeResponse:
        """Each resource is (type, name, URN of its parent)."""
        return self.stub.AnalyzeStack(
            proto.AnalyzeStackRequest(
                resources=[
                    proto.AnalyzerResource(type=kind, name=name, urn=urn(kind, name), parent=parent)
                    for kind, name, parent in resources
                ]
            )
        )

    def preview(self, city: City, waivers: tuple[Waiver, ...] = ()) -> proto.AnalyzeResponse:
        """The pack's answer to the preview of a town."""
        name = city.town.name
        assert not self.analyze(CITY, name, city_inputs(city, waivers)).diagnostics
        parts = [(SEGMENT, city.segments), (GATEWAY, city.gateways), (SERVER, city.hosts)]
        inner = [(kind, part, urn(CITY, name)) for kind, names in parts for part in names]
        return self.analyze_stack([("pulumi:pulumi:Stack", "town-dev", ""), (CITY, name, ""), *inner])
