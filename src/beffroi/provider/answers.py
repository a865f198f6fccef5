"""What the servicer answers in protobuf: refusals that read as sentences, checks and differences."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Protocol, TypeVar

import grpc  # type: ignore[import-untyped] # its stubs are another package
from google.protobuf import any_pb2  # type: ignore[import-untyped] # its stubs are another package
from pulumi.runtime.proto import engine_pb2, provider_pb2, status_pb2
from pydantic import BaseModel

from beffroi.errors import BeffroiError
from beffroi.messages import say
from beffroi.provider import state
from beffroi.provider.check import Checked, Failure, shows_secret
from beffroi.provider.diff import Change
from beffroi.provider.resource import InitError, Resource
from beffroi.provider.wire import Secret, marshal_struct, spell


class Logs(Protocol):
    """What can write a line into Pulumi's output."""

    def log(self, urn: str, message: str, severity: engine_pb2.LogSeverity.ValueType = ...) -> None:
        """Write `message` under the resource `urn`."""


S = TypeVar("S", bound=Logs)
Q = TypeVar("Q")
A = TypeVar("A")


class HalfMade(Exception):
    """An InitError, with the state to record."""

    def __init__(self, error: InitError, resource: Resource[Any, Any], inputs: Mapping[str, object]) -> None:
        super().__init__(str(error))
        self.detail = provider_pb2.ErrorResourceInitFailed(
            id=error.id,
            properties=marshal_struct(state.recorded(resource, inputs, error.outputs)),
            reasons=error.reasons,
            inputs=marshal_struct(inputs),
        )


class _Refusal(grpc.Status):  # type: ignore[misc] # untyped, as above
    """A refusal with details, as `abort_with_status` takes it (grpcio-status would be one more package)."""

    def __init__(self, message: str, detail: provider_pb2.ErrorResourceInitFailed) -> None:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message, details=[packed])
        self.code = grpc.StatusCode.UNKNOWN
        self.details = message
        self.trailing_metadata = (("grpc-status-details-bin", status.SerializeToString()),)


def answering(method: Callable[[S, Q], A]) -> Callable[[S, Q, grpc.ServicerContext], A]:
    """Turn what a verb raises into an answer that Pulumi shows under the resource: a sentence, never a traceback.

    The traceback goes to Pulumi's debug log (`--debug`).
    """

    @wraps(method)
    def answer(self: S, request: Q, context: grpc.ServicerContext) -> A:
        try:
            return method(self, request)
        except HalfMade as half:
            context.abort_with_status(_Refusal(str(half), half.detail))
            raise
        except Exception as error:  # the last fence before gRPC, which would print a traceback
            self.log(getattr(request, "urn", ""), traceback.format_exc(), engine_pb2.DEBUG)
            context.abort(grpc.StatusCode.UNKNOWN, _sentence(error))
            raise

    return answer


def _sentence(error: Exception) -> str:
    if isinstance(error, BeffroiError):
        return str(error)
    return say("provider-unexpected", error=f"{type(error).__name__}: {error}")


def check_response(model: type[BaseModel], checked: Checked) -> provider_pb2.CheckResponse:
    """Return what Check found; a refused secret is named in the reason alone: Pulumi prints a property's value."""
    return provider_pb2.CheckResponse(
        inputs=marshal_struct(checked.inputs),
        failures=[_check_failure(model, checked, failure) for failure in checked.failures],
    )


def _check_failure(model: type[BaseModel], checked: Checked, failure: Failure) -> provider_pb2.CheckFailure:
    top = checked.inputs.get(str(failure.at[0])) if failure.at else None
    if shows_secret(model, failure) or isinstance(top, Secret):
        return provider_pb2.CheckFailure(reason=f"{failure.property}: {failure.reason}")
    return provider_pb2.CheckFailure(property=failure.property, reason=failure.reason)


def diff_response(changes: Sequence[Change], *, delete_before_replace: bool = False) -> provider_pb2.DiffResponse:
    """Return the differences, each at its own path."""
    some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=some if changes else none,
        diffs=list(dict.fromkeys(change.property for change in changes)),
        replaces=list(dict.fromkeys(change.property for change in changes if change.replaces)),
        detailedDiff={spell(change.at): _property_diff(change) for change in changes},
        hasDetailedDiff=True,
        deleteBeforeReplace=delete_before_replace,
    )


def _property_diff(change: Change) -> provider_pb2.PropertyDiff:
    kind = f"{change.kind}_REPLACE" if change.replaces else change.kind
    return provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.Kind.Value(kind), inputDiff=True)
