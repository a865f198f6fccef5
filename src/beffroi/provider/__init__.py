"""Our own Pulumi resource provider: a pydantic model in; create, read, update and delete; Check and Diff derived.

::

    resource.py   what an author writes: ResourceInputs, Resource, Output, Run, and the words they answer with
    wire.py       values as they travel: unknowns, secrets, protobuf structs
    shape.py      what the model says of its properties: secret, replace, the canonical form
    check.py      inputs held to the model, unknowns left undecided      (pure)
    diff.py       recorded inputs against declared ones                  (pure)
    schema.py     the package schema that `pulumi package` reads         (pure)
    servicer.py   the gRPC service that Pulumi's engine calls
    serve.py      the server around it
    process.py    a plugin's process: port, signals, death of the engine
    declare.py    the program's side: declare a resource from the same model

Importing this package imports neither gRPC nor Pulumi.
"""

from beffroi.provider.resource import Created, Gone, InitError, Output, Provider, Read, Resource, ResourceInputs, Run

__all__ = ["Created", "Gone", "InitError", "Output", "Provider", "Read", "Resource", "ResourceInputs", "Run"]
