"""A run cut short leaves nothing that the next one cannot take up: a user's project, the CLI, our installed plugin."""

from __future__ import annotations

import signal
import time

import pytest
from town import Town

pytestmark = pytest.mark.pulumi


def test_a_killed_run_leaves_no_plugin_behind_and_its_box_is_taken_up_and_not_doubled(town: Town) -> None:
    cut = town.up_until_born()
    assert len(town.plugin_processes()) == 1
    (left,) = town.boxes()
    cut.kill()
    cut.communicate()
    deadline = time.monotonic() + 5
    while town.plugin_processes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert town.plugin_processes() == []
    town.run("cancel", "--yes")
    town.run("refresh", "--yes", "--clear-pending-creates")
    town.run("up", "--yes", "--skip-preview")
    assert town.boxes() == [left]
    assert "pending_operations" not in town.state()


def test_an_interrupt_reaches_the_create_under_way_and_the_next_up_goes_on(town: Town) -> None:
    cut = town.up_until_born()
    (left,) = town.boxes()
    cut.send_signal(signal.SIGINT)
    said = cut.communicate(timeout=20)[0]
    assert "interrupted before the end" in said
    assert "Traceback" not in said
    assert "+ 1 created" in town.run("up", "--yes", "--skip-preview")
    assert town.boxes() == [left]
