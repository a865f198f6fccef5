"""Models that hold everything a resource's inputs may hold, and the provider over them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, Field

from beffroi.provider import Created, Output, Provider, Read, Resource, ResourceInputs, Run

REPLACE = Field(json_schema_extra={"replace": True})
SECRET = Field(json_schema_extra={"secret": True})


class User(ResourceInputs):
    login: str
    password: Annotated[str | None, SECRET] = None
    uid: Annotated[int, REPLACE] = 1000


class HostInputs(ResourceInputs):
    name: Annotated[str, AfterValidator(str.lower)]
    zone: Annotated[str, REPLACE] = "a"
    ram_gb: Annotated[int, Field(ge=1)] = 4
    token: Annotated[str | None, SECRET] = None
    users: list[User] = []
    by_role: dict[str, User] = {}
    tags: dict[str, str] = {}
    note: str | None = None


class HostConfig(ResourceInputs):
    region: str
    retries: int = 3
    zones: list[str] = []


class Host(Resource[HostInputs, HostConfig]):
    """A host that lives nowhere."""

    token = "cloud:index:Host"  # noqa: S105 - a type's name
    inputs = HostInputs
    outputs = {
        "address": Output(follows=("zone",)),
        "status": Output(),
        "serial": Output(follows=()),
        "seed": Output(secret=True),
    }

    def create(self, run: Run[HostConfig], inputs: HostInputs) -> Created:
        raise NotImplementedError

    def read(self, run: Run[HostConfig], id: str, old_inputs: Mapping[str, Any]) -> Read:  # noqa: A002
        raise NotImplementedError

    def update(
        self,
        run: Run[HostConfig],
        id: str,  # noqa: A002
        old: Mapping[str, Any],
        inputs: HostInputs,
    ) -> Mapping[str, object]:
        raise NotImplementedError

    def delete(self, run: Run[HostConfig], id: str, old: Mapping[str, Any]) -> None:  # noqa: A002
        raise NotImplementedError


@pytest.fixture
def inputs() -> type[HostInputs]:
    return HostInputs


@pytest.fixture
def config_model() -> type[HostConfig]:
    return HostConfig


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def provider(host: Host) -> Provider[HostConfig]:
    return Provider("cloud", "1.2.3", [host], HostConfig)
