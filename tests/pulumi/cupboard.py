"""A provider for tests: boxes, one JSON file each in a directory, and shelves, which are nothing but names."""

# ruff: noqa: A002, ARG002, EM101, EM102, S105, TRY003 - the verbs' signatures are the provider kit's; tokens are no passwords;
# no catalogue of messages for a toy

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from beffroi.errors import CouldNotAct
from beffroi.provider import Created, Gone, InitError, Output, Provider, Read, Resource, ResourceInputs, Run

REPLACE = Field(json_schema_extra={"replace": True})
SECRET = Field(json_schema_extra={"secret": True})


class CupboardConfig(ResourceInputs):
    directory: Path
    allowed_woods: list[str] = []


class Label(ResourceInputs):
    text: str
    code: Annotated[str | None, SECRET] = None


class BoxInputs(ResourceInputs):
    name: str
    wood: Annotated[str, REPLACE] = "oak"
    size_cm: Annotated[int, Field(ge=1, le=500)] = 30
    key: Annotated[str | None, SECRET] = None
    on: str = ""
    labels: list[Label] = []
    tags: dict[str, str] = {}


class ShelfInputs(ResourceInputs):
    wood: Annotated[str, REPLACE] = "oak"


class Box(Resource[BoxInputs, CupboardConfig]):
    """A box. Files in the directory make its birth fail (`refuse-NAME`, `crash-NAME`), stop half-way (`jam-NAME`), or
    last (`slow-NAME`); `born-NAME` says that it stands.
    """

    token = "cupboard:index:Box"
    inputs = BoxInputs
    outputs = {
        "place": Output(follows=()),
        "volume": Output("integer", follows=("sizeCm",)),
        "state": Output(),
        "seal": Output(secret=True, follows=()),
    }
    delete_before_replace = True

    def create(self, run: Run[CupboardConfig], inputs: BoxInputs) -> Created:
        root = run.config.directory
        if (root / f"refuse-{inputs.name}").exists():
            raise CouldNotAct("no wood left", where=inputs.name, hint="plant a tree")
        if (root / f"crash-{inputs.name}").exists():
            raise ZeroDivisionError("a bug of ours")
        if run.config.allowed_woods and inputs.wood not in run.config.allowed_woods:
            raise CouldNotAct(f"{inputs.wood} is not allowed here")
        print("a stray line")  # noqa: T201 - as a library might
        found = adopted(root, run.urn, inputs)
        id_ = found or uuid.uuid4().hex[:8]
        jammed = (root / f"jam-{inputs.name}").exists()
        outputs = written(root, id_, inputs, run.urn, "jammed" if jammed else "open")
        slow = (root / f"slow-{inputs.name}").exists()
        (root / f"born-{inputs.name}").touch()
        run.log(f"box {inputs.name} made")
        if slow:
            run.pause(60)
        if jammed:
            raise InitError(id_, outputs, ["the lid does not close"])
        return Created(id_, outputs)

    def read(self, run: Run[CupboardConfig], id: str, old_inputs: Mapping[str, Any]) -> Read:
        box = opened(run.config.directory, id)
        found = {name: box.get(name) for name in ("name", "wood", "sizeCm", "on", "labels", "tags")}
        return Read(found, outputs(box, id))

    def update(
        self, run: Run[CupboardConfig], id: str, old: Mapping[str, Any], inputs: BoxInputs
    ) -> Mapping[str, object]:
        opened(run.config.directory, id)
        return written(run.config.directory, id, inputs, run.urn, "open")

    def delete(self, run: Run[CupboardConfig], id: str, old: Mapping[str, Any]) -> None:
        opened(run.config.directory, id)
        path(run.config.directory, id).unlink()


class Shelf(Resource[ShelfInputs, CupboardConfig]):
    """A shelf, replaced by making the new one first."""

    token = "cupboard:index:Shelf"
    inputs = ShelfInputs

    def create(self, run: Run[CupboardConfig], inputs: ShelfInputs) -> Created:
        return Created(f"shelf-{uuid.uuid4().hex[:8]}")

    def read(self, run: Run[CupboardConfig], id: str, old_inputs: Mapping[str, Any]) -> Read:
        return Read({})

    def update(
        self, run: Run[CupboardConfig], id: str, old: Mapping[str, Any], inputs: ShelfInputs
    ) -> Mapping[str, object]:
        return {}

    def delete(self, run: Run[CupboardConfig], id: str, old: Mapping[str, Any]) -> None:
        return


def path(root: Path, id_: str) -> Path:
    return root / f"box-{id_}.json"


def boxes(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(root.glob("box-*.json")):
        yield file.stem.removeprefix("box-"), json.loads(file.read_text())


def opened(root: Path, id_: str) -> dict[str, Any]:
    try:
        box: dict[str, Any] = json.loads(path(root, id_).read_text())
    except FileNotFoundError as missing:
        raise Gone from missing
    return box


def adopted(root: Path, urn: str, inputs: BoxInputs) -> str | None:
    return next((id_ for id_, box in boxes(root) if box["urn"] == urn and box["wood"] == inputs.wood), None)


def outputs(box: Mapping[str, Any], id_: str) -> dict[str, object]:
    volume = box["sizeCm"] ** 3
    return {"place": f"shelf of {id_}", "volume": volume, "state": box["state"], "seal": f"wax on {id_}"}


def written(root: Path, id_: str, inputs: BoxInputs, urn: str, state: str) -> dict[str, object]:
    box = {**inputs.model_dump(mode="json", by_alias=True), "urn": urn, "state": state}
    draft = root / f".{id_}"
    draft.write_text(json.dumps(box))
    draft.rename(path(root, id_))
    return outputs(box, id_)


def cupboard() -> Provider[CupboardConfig]:
    return Provider("cupboard", "0.1.0", [Box(), Shelf()], CupboardConfig)


if __name__ == "__main__":
    from beffroi.provider.serve import run_plugin

    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    run_plugin(cupboard())
