"""A town's own tests, in plain testinfra: what each machine declares to offer, it offers."""

from __future__ import annotations

from testinfra.host import Host


def test_ssh_answers_where_it_is_declared(host: Host) -> None:
    assert host.socket("tcp://0.0.0.0:22").is_listening
