"""What a component carries as its inputs: all that is declared of it. They drive nothing.

A preview shows which part of a declaration changed, a policy pack judges it (`beffroi.pack`), and an audit of the state
reads it. Importing this module imports no Pulumi program.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from beffroi.city import City
from beffroi.waiver import Waiver

CITY = "beffroi:city:City"
SEGMENT = "beffroi:city:Segment"
GATEWAY = "beffroi:city:Gateway"
SERVER = "beffroi:city:Server"

DECLARATION = "declaration"
WAIVERS = "waivers"


def colourless(text: str) -> str:
    """Return `text` without what Pulumi takes for a colour, `<{%...%}>`: its display dies of one that it does not know.

    It looks for them in whatever it shows, inputs and messages included (`sdk/go/common/diag/colors`).
    """
    return text.replace("<{%", "<{ %")


def plain(model: BaseModel) -> dict[str, Any]:
    """Return a part of the model as JSON values under the names of the town's files; what is not set is left out."""
    text = model.model_dump_json(by_alias=True, exclude_none=True)
    return dict(json.loads(colourless(text)))


def city_inputs(city: City, waivers: Iterable[Waiver]) -> dict[str, Any]:
    """Return a City's inputs: the whole declaration as the text of a JSON object, and what `waivers.yml` lets pass.

    It is a text, since Pulumi's wire format knows neither the order of keys nor whole numbers beyond 2^53, and drops
    nulls: of several packets that break a policy, the pack would show another than the gate.
    """
    text = colourless(city.model_dump_json(by_alias=True))
    return {DECLARATION: text, WAIVERS: [plain(waiver) for waiver in waivers]}
