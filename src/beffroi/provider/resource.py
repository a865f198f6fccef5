"""What the author of a resource writes: a model of its inputs and four verbs. The rest is derived.

::

    class DiskInputs(ResourceInputs):
        name: str
        zone: Annotated[str, Field(json_schema_extra={"replace": True})]
        passphrase: Annotated[str, Field(json_schema_extra={"secret": True})]

    class Disk(Resource[DiskInputs, CloudConfig]):
        token = "cloud:index:Disk"
        inputs = DiskInputs
        outputs = {"device": Output(follows=())}

        def create(self, run: Run[CloudConfig], inputs: DiskInputs) -> Created: ...
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from beffroi.errors import CouldNotAct, Interrupted
from beffroi.messages import say

JsonType = Literal["string", "integer", "number", "boolean", "array", "object"]


class ResourceInputs(BaseModel):
    """The inputs of a resource; also the base of the models inside it.

    Properties travel in camelCase (`ram_gb` is `ramGb`). `json_schema_extra={"replace": True}` says that a change makes
    a new object, `{"secret": True}` that the value is encrypted in the state. Three rules keep plans truthful: defaults
    are constants; a canonical form is given in the type (`Annotated[str, AfterValidator(str.lower)]`), because a
    `@field_validator` is not run on its own when another input is unknown; secrets are plain `str`, for pydantic's
    `SecretStr` writes itself as asterisks.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        # Pulumi shows our errors on screen and in CI logs, where a refused password has no place.
        hide_input_in_errors=True,
    )


I = TypeVar("I", bound=ResourceInputs)  # noqa: E741 - the letter of "inputs", as in Resource[I, C]
C = TypeVar("C", bound=BaseModel)


@dataclass(frozen=True)
class Output:
    """A property that the world gives back.

    `follows` names the inputs (as Pulumi spells them, top level) whose change may change it: an update's preview shows
    it as unknown then, and keeps it otherwise. None, the default, means any input: wrong only by caution. `()` means
    that an update never changes it.
    """

    type: JsonType = "string"
    description: str = ""
    follows: tuple[str, ...] | None = None
    secret: bool = False


@dataclass(frozen=True)
class Created:
    """A new object: its id in the outside world, and its outputs."""

    id: str
    outputs: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Read:
    """What an object really is: its inputs and outputs, as Pulumi spells them.

    `inputs` may leave out what the world never gives back (write-only properties): the recorded value is kept. An input
    that the world has lost is given as None, so that the next up puts it back.
    """

    inputs: Mapping[str, object]
    outputs: Mapping[str, object] = field(default_factory=dict)


class Gone(Exception):
    """The object no longer exists. `read` raises it; so may `update` and `delete`."""


class InitError(CouldNotAct):
    """The object exists, but something after its birth failed: Pulumi keeps its id, and the next up calls `update`.

    `reasons` are shown one by one; `outputs` are those known so far.
    """

    def __init__(self, id: str, outputs: Mapping[str, object], reasons: Sequence[str]) -> None:  # noqa: A002 - Pulumi's word
        super().__init__("; ".join(reasons))
        self.id = id
        self.outputs = dict(outputs)
        self.reasons = list(reasons)


def _no_log(message: str) -> None:
    """Drop `message`: no engine listens."""


@dataclass(frozen=True)
class Run(Generic[C]):
    """One call of Pulumi on one resource.

    `urn` names the resource in its stack, and stays the same over its life: an idempotent `create` is keyed on it.
    `config` is the provider's own. `log` writes a line under the resource in Pulumi's output. `cancelled` is set when
    the user interrupts: poll it, or sleep with `pause`.
    """

    urn: str
    config: C
    log: Callable[[str], None] = _no_log
    cancelled: threading.Event = field(default_factory=threading.Event)

    def pause(self, seconds: float) -> None:
        """Sleep; raise Interrupted as soon as the user cancels."""
        if self.cancelled.wait(seconds):
            raise Interrupted(say("provider-interrupted"), where=self.urn, hint=say("provider-interrupted-hint"))


class Resource(ABC, Generic[I, C]):
    """One type of Pulumi resource. Verbs are called from many threads at once, never twice at once for one resource.

    `create` has to be idempotent: a run that was killed leaves an object that no state knows. Find it by `run.urn` and
    by the inputs that cannot change, and set `delete_before_replace`, or a replacement would adopt the object that
    it replaces. `old` is the recorded state, inputs and outputs together, secrets in clear.
    """

    token: str
    inputs: type[I]
    outputs: Mapping[str, Output] = {}
    delete_before_replace: bool = False

    @abstractmethod
    def create(self, run: Run[C], inputs: I) -> Created:
        """Make the object, or adopt the one that a killed run left. Raise InitError when it exists but is not ready."""

    @abstractmethod
    def read(self, run: Run[C], id: str, old_inputs: Mapping[str, Any]) -> Read:  # noqa: A002 - Pulumi's word
        """Look at the object and change nothing. Raise Gone when there is none. On import `old_inputs` is empty."""

    @abstractmethod
    def update(self, run: Run[C], id: str, old: Mapping[str, Any], inputs: I) -> Mapping[str, object]:  # noqa: A002
        """Bring the object to `inputs` and return its outputs. Also called to repair after an InitError."""

    @abstractmethod
    def delete(self, run: Run[C], id: str, old: Mapping[str, Any]) -> None:  # noqa: A002 - Pulumi's word
        """Remove the object. To find none is success."""


@dataclass(frozen=True)
class Provider(Generic[C]):
    """A named set of resources with one configuration model (camelCase aliases, as for inputs)."""

    name: str
    version: str
    resources: Sequence[Resource[Any, C]]
    config_model: type[C]

    def resource(self, token: str) -> Resource[Any, C]:
        """Return the resource whose token this is; raise KeyError when there is none."""
        return {each.token: each for each in self.resources}[token]
