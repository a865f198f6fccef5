"""The town's policies as a Pulumi policy pack: `pulumi preview --policy-pack policies/`, for who has Pulumi alone.

::

    content.py    what the pack's folder holds: policies, and the controls beside them
    declared.py   a City component's inputs read back into the town that they declare
    judging.py    the gate's own judgement of that town, policy by policy, as remarks
    wording.py    remarks and policies in Pulumi's words
    servicer.py   the gRPC service that Pulumi's engine calls
    plugin.py     the process `pulumi-analyzer-policy-beffroi`

Importing this package imports neither gRPC nor Pulumi. Why it is so: `docs/adr/0008`.
"""
