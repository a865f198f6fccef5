"""What a component carries as its inputs: all that is declared of it, as plain JSON. They drive nothing.

A preview shows which part of a declaration changed, a policy pack judges it (`beffroi.pack`), and an audit of the state
reads it. Importing this module imports no Pulumi program.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

CITY = "beffroi:city:City"
SEGMENT = "beffroi:city:Segment"
GATEWAY = "beffroi:city:Gateway"
SERVER = "beffroi:city:Server"

WAIVERS = "waivers"
"""The one input of a City that is no section of the model: what `waivers.yml` lets pass."""


def plain(model: BaseModel) -> dict[str, Any]:
    """Return a part of the model as JSON values under the names that the town's files use; what is not set is left out.

    Pulumi drops nulls on its way, so that none may mean anything: the model's own default is put back when it is read.
    """
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)
