"""The gRPC service that Pulumi's engine calls (`proto/pulumi/provider.proto` in pulumi/pulumi)."""

# ruff: noqa: D102, N802 - the names, and what they mean, are those of Pulumi's protocol

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Generic, TypeVar

import grpc  # type: ignore[import-untyped] # its stubs are another package
from google.protobuf import empty_pb2  # type: ignore[import-untyped] # its stubs are another package
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc
from pydantic import BaseModel

from beffroi.errors import InvalidInput
from beffroi.messages import say
from beffroi.provider import configuration, state
from beffroi.provider.answers import HalfMade, answering, check_response, diff_response
from beffroi.provider.check import Checked, check
from beffroi.provider.diff import Change, diff
from beffroi.provider.resource import Gone, InitError, Provider, Resource, Run
from beffroi.provider.schema import package_schema
from beffroi.provider.wire import marshal_struct, reveal_struct, unmarshal_struct

# Pulumi raises gRPC's limit of 4 MiB a message in the same way (sdk/python/lib/pulumi/runtime/_grpc_settings.py).
CHANNEL_OPTIONS = [("grpc.max_receive_message_length", 400 * 1024 * 1024)]

C = TypeVar("C", bound=BaseModel)


class Servicer(provider_pb2_grpc.ResourceProviderServicer, Generic[C]):
    """One provider, as the engine sees it."""

    def __init__(self, provider: Provider[C]) -> None:
        self._provider = provider
        self._config: C | InvalidInput | None = None
        self._engine: engine_pb2_grpc.EngineStub | None = None
        self._cancelled = threading.Event()

    # The engine and us

    def connect(self, address: str) -> None:
        """Send our log lines to the engine at `address` (`host:port`)."""
        if address:
            self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address, options=CHANNEL_OPTIONS))

    def log(self, urn: str, message: str, severity: engine_pb2.LogSeverity.ValueType = engine_pb2.INFO) -> None:
        """Write a line under the resource `urn`. An engine that is gone hears nothing, and that is no error."""
        if self._engine:
            with suppress(grpc.RpcError):
                self._engine.Log(engine_pb2.LogRequest(severity=severity, message=message, urn=urn))

    def cancel(self) -> None:
        """Tell every verb under way that the user wants to stop."""
        self._cancelled.set()

    @answering
    def Handshake(self, request: provider_pb2.ProviderHandshakeRequest) -> provider_pb2.ProviderHandshakeResponse:
        self.connect(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    @answering
    def Attach(self, request: plugin_pb2.PluginAttach) -> empty_pb2.Empty:
        self.connect(request.address)
        return empty_pb2.Empty()

    @answering
    def GetPluginInfo(self, _request: empty_pb2.Empty) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=self._provider.version)

    @answering
    def GetSchema(self, _request: provider_pb2.GetSchemaRequest) -> provider_pb2.GetSchemaResponse:
        return provider_pb2.GetSchemaResponse(schema=json.dumps(package_schema(self._provider)))

    @answering
    def Cancel(self, _request: empty_pb2.Empty) -> empty_pb2.Empty:
        self.cancel()
        return empty_pb2.Empty()

    # The provider's own configuration

    @answering
    def CheckConfig(self, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
        news = unmarshal_struct(request.news)
        checked = check(self._provider.config_model, configuration.declared(news, self._provider.config_model))
        kept = {name: value for name, value in news.items() if name not in checked.inputs}
        return check_response(self._provider.config_model, Checked({**kept, **checked.inputs}, checked.failures))

    @answering
    def DiffConfig(self, request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
        model = self._provider.config_model
        old, new = (
            configuration.declared(unmarshal_struct(struct), model) for struct in (request.old_inputs, request.news)
        )
        return diff_response(diff(model, old, new))

    @answering
    def Configure(self, request: provider_pb2.ConfigureRequest) -> provider_pb2.ConfigureResponse:
        # An attached provider outlives a run: the last run's cancellation is not this one's.
        if self._cancelled.is_set():
            self._cancelled = threading.Event()
        try:
            model = self._provider.config_model
            self._config = configuration.load(unmarshal_struct(request.args), model, self._provider.name)
        except InvalidInput as refusal:
            # A preview may know the configuration in part. Checks and previews do without; a verb that acts raises.
            self._config = refusal
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    # Plans

    @answering
    def Check(self, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
        model = self._resource(request.urn).inputs
        return check_response(model, check(model, unmarshal_struct(request.news)))

    @answering
    def Diff(self, request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
        resource = self._resource(request.urn)
        return diff_response(_changes(resource, request), delete_before_replace=resource.delete_before_replace)

    # Deeds

    @answering
    def Create(self, request: provider_pb2.CreateRequest) -> provider_pb2.CreateResponse:
        resource, inputs = self._resource(request.urn), unmarshal_struct(request.properties)
        if request.preview:
            foreseen = state.recorded(resource, inputs, state.unborn(resource))
            return provider_pb2.CreateResponse(properties=marshal_struct(foreseen))
        try:
            created = resource.create(self._run(request.urn), _typed(resource, inputs))
        except InitError as error:
            raise HalfMade(error, resource, inputs) from error
        made = state.recorded(resource, inputs, created.outputs)
        return provider_pb2.CreateResponse(id=created.id, properties=marshal_struct(made))

    @answering
    def Read(self, request: provider_pb2.ReadRequest) -> provider_pb2.ReadResponse:
        resource, known = self._resource(request.urn), unmarshal_struct(request.inputs)
        try:
            found = resource.read(self._run(request.urn), request.id, reveal_struct(known))
        except Gone:
            return provider_pb2.ReadResponse()
        except InitError as error:
            raise HalfMade(error, resource, known) from error
        inputs = state.read_back(resource, known, found.inputs)
        now = state.recorded(resource, inputs, found.outputs, unmarshal_struct(request.properties))
        return provider_pb2.ReadResponse(id=request.id, inputs=marshal_struct(inputs), properties=marshal_struct(now))

    @answering
    def Update(self, request: provider_pb2.UpdateRequest) -> provider_pb2.UpdateResponse:
        resource, inputs = self._resource(request.urn), unmarshal_struct(request.news)
        old = unmarshal_struct(request.olds)
        if request.preview:
            changed = {change.property for change in _changes(resource, request)}
            foreseen = state.recorded(resource, inputs, state.foreseen(resource, old, changed))
            return provider_pb2.UpdateResponse(properties=marshal_struct(foreseen))
        try:
            run, typed = self._run(request.urn), _typed(resource, inputs)
            outputs = resource.update(run, request.id, reveal_struct(old), typed)
        except Gone as gone:
            raise InvalidInput(say("provider-gone"), hint=say("provider-gone-hint")) from gone
        except InitError as error:
            raise HalfMade(error, resource, inputs) from error
        return provider_pb2.UpdateResponse(properties=marshal_struct(state.recorded(resource, inputs, outputs)))

    @answering
    def Delete(self, request: provider_pb2.DeleteRequest) -> empty_pb2.Empty:
        old = reveal_struct(unmarshal_struct(request.properties))
        with suppress(Gone):
            self._resource(request.urn).delete(self._run(request.urn), request.id, old)
        return empty_pb2.Empty()

    # What the verbs stand on

    def _resource(self, urn: str) -> Resource[Any, C]:
        # urn:pulumi:STACK::PROJECT::PARENT_TYPE$TYPE::NAME
        token = urn.split("::")[2].rsplit("$", 1)[-1]
        try:
            return self._provider.resource(token)
        except KeyError as unknown:
            known = ", ".join(each.token for each in self._provider.resources)
            raise InvalidInput(say("provider-no-such-resource", token=token, known=known)) from unknown

    def _run(self, urn: str) -> Run[C]:
        if self._config is None:
            raise InvalidInput(say("provider-not-configured"))
        if isinstance(self._config, InvalidInput):
            raise self._config
        return Run(urn, self._config, lambda message: self.log(urn, message), self._cancelled)


def _typed(resource: Resource[Any, Any], inputs: Mapping[str, object]) -> Any:  # noqa: ANN401 - the resource's own model
    return resource.inputs.model_validate(reveal_struct(inputs))


def _changes(
    resource: Resource[Any, Any], request: provider_pb2.DiffRequest | provider_pb2.UpdateRequest
) -> list[Change]:
    old, news = unmarshal_struct(request.old_inputs), unmarshal_struct(request.news)
    if not old:
        # An older engine's state has no inputs: what it recorded under the same names stands for them.
        old = {name: value for name, value in unmarshal_struct(request.olds).items() if name in news}
    return diff(resource.inputs, old, news, request.ignoreChanges)
