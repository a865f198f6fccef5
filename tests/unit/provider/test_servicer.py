"""What the engine tests (tests/pulumi) do not reach: the answers of the service, called without an engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from beffroi.errors import Interrupted, InvalidInput
from beffroi.provider import Created, Gone, InitError, Provider, Read, Resource, Run
from beffroi.provider.declare import declare
from beffroi.provider.servicer import Servicer
from beffroi.provider.wire import Secret, marshal_struct, unmarshal_struct

AnyResource = Resource[Any, Any]
URN = "urn:pulumi:dev::town::cloud:index:City$cloud:index:Host::db"
INPUTS: dict[str, object] = {"name": "db", "token": Secret("t")}


class Refused(Exception):
    def __init__(self, details: str, status: bytes = b"") -> None:
        super().__init__(details)
        self.status = status_pb2.Status.FromString(status)


class Context:
    """What gRPC hands to a verb: an abort that raises."""

    def abort(self, _code: object, details: str) -> NoReturn:
        raise Refused(details)

    def abort_with_status(self, status: grpc.Status) -> NoReturn:
        raise Refused(status.details, status.trailing_metadata[0][1])


def half_made(refused: Refused) -> provider_pb2.ErrorResourceInitFailed:
    detail = provider_pb2.ErrorResourceInitFailed()
    assert refused.status.details[0].Unpack(detail)
    return detail


@pytest.fixture
def servicer(provider: Provider[Any]) -> Servicer[Any]:
    servicer = Servicer(provider)
    configured(servicer, {"region": "north"})
    return servicer


def configured(servicer: Servicer[Any], config: Mapping[str, object]) -> provider_pb2.ConfigureResponse:
    return servicer.Configure(provider_pb2.ConfigureRequest(args=marshal_struct(config)), Context())


def created(servicer: Servicer[Any], urn: str = URN, *, preview: bool = False) -> provider_pb2.CreateResponse:
    request = provider_pb2.CreateRequest(urn=urn, properties=marshal_struct(INPUTS), preview=preview)
    return servicer.Create(request, Context())


def updated(servicer: Servicer[Any]) -> provider_pb2.UpdateResponse:
    request = provider_pb2.UpdateRequest(urn=URN, id="i", news=marshal_struct(INPUTS), olds=marshal_struct(INPUTS))
    return servicer.Update(request, Context())


def test_a_type_that_the_provider_does_not_have_is_told_with_those_that_it_has(servicer: Servicer[Any]) -> None:
    with pytest.raises(Refused, match="no resource cloud:index:Hots; it has cloud:index:Host"):
        created(servicer, URN.replace("Host", "Hots"))


def test_a_verb_before_the_configuration_is_refused(provider: Provider[Any]) -> None:
    with pytest.raises(Refused, match="before it configured the provider"):
        created(Servicer(provider))


def test_a_configuration_that_does_not_hold_lets_previews_pass_and_stops_verbs(provider: Provider[Any]) -> None:
    servicer = Servicer(provider)
    configured(servicer, {})
    assert created(servicer, preview=True).id == ""
    with pytest.raises(Refused, match="cloud: the provider's configuration does not hold: region"):
        created(servicer)


def test_a_cancellation_reaches_the_verbs_of_this_run_and_not_of_the_next(
    servicer: Servicer[Any], host: AnyResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create(run: Run[Any], _inputs: object) -> Created:
        run.pause(0.01)
        return Created("i")

    monkeypatch.setattr(host, "create", create)
    servicer.Cancel(empty_pb2.Empty(), Context())
    with pytest.raises(Refused, match="interrupted before the end"):
        created(servicer)
    configured(servicer, {"region": "north"})
    assert created(servicer).id == "i"


def test_a_pause_that_is_cancelled_raises_at_once() -> None:
    run: Run[Any] = Run(URN, None)
    run.cancelled.set()
    with pytest.raises(Interrupted):
        run.pause(60)


def test_an_update_that_ends_half_way_records_what_is_known_with_its_secrets_wrapped(
    servicer: Servicer[Any], host: AnyResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def update(*_: object) -> NoReturn:
        raise InitError(id="i", outputs={"status": "down", "seed": "s"}, reasons=["no answer", "no time"])

    monkeypatch.setattr(host, "update", update)
    with pytest.raises(Refused, match="no answer; no time") as refused:
        updated(servicer)
    detail = half_made(refused.value)
    assert (detail.id, list(detail.reasons)) == ("i", ["no answer", "no time"])
    assert unmarshal_struct(detail.properties) == {**INPUTS, "status": "down", "seed": Secret("s")}


def test_a_read_may_find_the_object_half_made(
    servicer: Servicer[Any], host: AnyResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> NoReturn:
        raise InitError(id="i", outputs={}, reasons=["still booting"])

    monkeypatch.setattr(host, "read", read)
    request = provider_pb2.ReadRequest(urn=URN, id="i", inputs=marshal_struct(INPUTS))
    with pytest.raises(Refused) as refused:
        servicer.Read(request, Context())
    assert unmarshal_struct(half_made(refused.value).inputs) == INPUTS


def test_a_read_of_what_is_gone_answers_no_id(
    servicer: Servicer[Any], host: AnyResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> NoReturn:
        raise Gone

    monkeypatch.setattr(host, "read", read)
    assert servicer.Read(provider_pb2.ReadRequest(urn=URN, id="i"), Context()).id == ""


def test_an_import_is_read_without_recorded_inputs(
    servicer: Servicer[Any], host: AnyResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(_run: object, id_: str, old_inputs: Mapping[str, object]) -> Read:
        assert old_inputs == {}
        return Read({"name": id_, "token": "t"}, {"serial": "s"})

    monkeypatch.setattr(host, "read", read)
    found = servicer.Read(provider_pb2.ReadRequest(urn=URN, id="db"), Context())
    assert unmarshal_struct(found.inputs)["token"] == Secret("t")
    assert unmarshal_struct(found.properties)["serial"] == "s"


def test_a_difference_without_recorded_inputs_is_taken_from_the_state(servicer: Servicer[Any]) -> None:
    old, new = {"name": "db", "ramGb": 4, "serial": "s"}, {"name": "db", "ramGb": 8}
    request = provider_pb2.DiffRequest(urn=URN, olds=marshal_struct(old), news=marshal_struct(new))
    assert list(servicer.Diff(request, Context()).diffs) == ["ramGb"]


def test_a_change_of_the_providers_configuration_is_told(servicer: Servicer[Any]) -> None:
    request = provider_pb2.DiffRequest(
        old_inputs=marshal_struct({"region": "north", "retries": "3", "version": "1"}),
        news=marshal_struct({"region": "south", "version": "2"}),
    )
    assert list(servicer.DiffConfig(request, Context()).diffs) == ["region"]


def test_the_configuration_is_checked_and_pulumis_own_settings_are_kept(servicer: Servicer[Any]) -> None:
    request = provider_pb2.CheckRequest(news=marshal_struct({"retries": "5", "version": "1.2.3"}))
    answer = servicer.CheckConfig(request, Context())
    assert unmarshal_struct(answer.inputs) == {"retries": 5, "zones": [], "version": "1.2.3"}
    assert [failure.property for failure in answer.failures] == ["region"]


def test_a_program_that_declares_a_property_of_no_model_is_told_at_once(
    provider: Provider[Any], host: AnyResource
) -> None:
    with pytest.raises(InvalidInput, match="db: the resource has no property ram"):
        declare(provider, type(host), "db", {"name": "db", "ram": 4})
