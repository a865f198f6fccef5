"""The gRPC service that Pulumi's engine calls (`proto/pulumi/analyzer.proto` in pulumi/pulumi).

A resource's inputs come with Analyze, as it is registered; AnalyzeStack comes at the end, with outputs. A preview is
judged at the end, each remark on the resource that it is about. An `up` is judged as soon as the City is registered,
since at the end everything would be made already: a mandatory remark then stands on the City, and nothing is made.
Remediate comes before Analyze, and what it puts in place is what Analyze then sees.
"""

# ruff: noqa: D102, N802 - the names, and what they mean, are those of Pulumi's protocol

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path

import grpc  # type: ignore[import-untyped] # its stubs are another package
from google.protobuf import empty_pb2  # type: ignore[import-untyped] # its stubs are another package
from pulumi.runtime.proto import analyzer_pb2 as proto
from pulumi.runtime.proto import analyzer_pb2_grpc, engine_pb2, engine_pb2_grpc, plugin_pb2

from beffroi import __version__
from beffroi.components.declared import CITY, SERVER
from beffroi.messages import say
from beffroi.pack.content import Content
from beffroi.pack.declared import Trouble
from beffroi.pack.judging import Answer, answer, undecided
from beffroi.pack.remedies import Step, of_server, steps
from beffroi.pack.wording import diagnostic, pack_info, remediation, shown
from beffroi.provider.answers import answering
from beffroi.provider.servicer import CHANNEL_OPTIONS
from beffroi.provider.wire import unmarshal_struct


class Servicer(analyzer_pb2_grpc.AnalyzerServicer):
    """One policy pack, as the engine sees it: `load` reads the pack's folder, `today` is the day of the judgement."""

    def __init__(self, load: Callable[[Path], Content], today: Callable[[], date], stop: threading.Event) -> None:
        self._load, self._today, self._stop = load, today, stop
        self._folder = Path.cwd()
        self._content: Content | None = None
        self._engine: engine_pb2_grpc.EngineStub | None = None
        self._acts = False
        self._cities: dict[str, Answer] = {}
        self._remedies: list[Step] = []
        self._one_at_a_time = threading.RLock()

    @answering
    def Handshake(self, request: proto.AnalyzerHandshakeRequest) -> proto.AnalyzerHandshakeResponse:
        self._engine = engine_pb2_grpc.EngineStub(
            grpc.insecure_channel(request.engine_address, options=CHANNEL_OPTIONS)
        )
        if request.root_directory:
            self._folder = Path(request.root_directory)
        return proto.AnalyzerHandshakeResponse()

    @answering
    def GetPluginInfo(self, _request: empty_pb2.Empty) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=__version__)

    @answering
    def GetAnalyzerInfo(self, _request: empty_pb2.Empty) -> proto.AnalyzerInfo:
        return pack_info(self.content)

    @answering
    def ConfigureStack(self, request: proto.AnalyzerStackConfigureRequest) -> proto.AnalyzerStackConfigureResponse:
        self._acts = not request.dry_run
        return proto.AnalyzerStackConfigureResponse()

    @answering
    def Configure(self, _request: proto.ConfigureAnalyzerRequest) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    @answering
    def Cancel(self, _request: empty_pb2.Empty) -> empty_pb2.Empty:
        self._stop.set()
        return empty_pb2.Empty()

    @answering
    def Remediate(self, request: proto.AnalyzeRequest) -> proto.RemediateResponse:
        inputs = unmarshal_struct(request.properties)
        if request.type == CITY:
            with self._one_at_a_time:
                made = steps(inputs, list(request.options.ignoreChanges), self.content)
                self._remedies += made
            for each in (each for step in made for each in step.replaced):
                self.log(request.urn, each.told(request.name))
            return proto.RemediateResponse(remediations=[self._remediation(it.policy, it.inputs) for it in made])
        mended = of_server(request.name, inputs, self._remedies) if request.type == SERVER else ()
        return proto.RemediateResponse(remediations=[self._remediation(*each) for each in mended])

    def _remediation(self, policy: str, inputs: Mapping[str, object]) -> proto.Remediation:
        return remediation(self.content.policies[policy], inputs)

    @answering
    def Analyze(self, request: proto.AnalyzeRequest) -> proto.AnalyzeResponse:
        if request.type != CITY:
            return proto.AnalyzeResponse()
        with self._one_at_a_time:
            inputs, ignored = unmarshal_struct(request.properties), list(request.options.ignoreChanges)
            answered = answer(inputs, ignored, self.content, self._today())
            self._cities[request.urn] = answered
        refusals = [remark for remark in answered.remarks if remark.mandatory] if self._acts else []
        return proto.AnalyzeResponse(diagnostics=[diagnostic(remark, request.urn, {}) for remark in refusals])

    @answering
    def AnalyzeStack(self, request: proto.AnalyzeStackRequest) -> proto.AnalyzeResponse:
        components = {(it.parent, it.type, it.name): it.urn for it in request.resources}
        with self._one_at_a_time:
            answers = self._answers([it.urn for it in request.resources if it.type == CITY])
        return proto.AnalyzeResponse(
            diagnostics=[
                diagnostic(remark, urn, components) for urn, answered in answers for remark in answered.remarks
            ],
            not_applicable=[
                proto.PolicyNotApplicable(policy_name=name, reason=shown(reason))
                for _, answered in answers
                for name, reason in answered.unjudged.items()
            ],
        )

    @property
    def content(self) -> Content:
        """Return what the pack's folder holds, read once; raise InvalidInput when it cannot be read."""
        with self._one_at_a_time:
            if self._content is None:
                self._content = self._load(self._folder)
            return self._content

    def log(self, urn: str, message: str, severity: engine_pb2.LogSeverity.ValueType = engine_pb2.INFO) -> None:
        """Write a line into Pulumi's output. An engine that is gone hears nothing, and that is no error."""
        if self._engine:
            with suppress(grpc.RpcError):
                self._engine.Log(engine_pb2.LogRequest(severity=severity, message=shown(message), urn=urn))

    def _answers(self, cities: Sequence[str]) -> list[tuple[str, Answer]]:
        if not cities:
            return [("", self._nothing("pack-none"))]
        return [(urn, self._cities.get(urn) or self._nothing("pack-unseen")) for urn in cities]

    def _nothing(self, key: str) -> Answer:
        return undecided([Trouble((), say(key), say(f"{key}-hint"))], self.content)
