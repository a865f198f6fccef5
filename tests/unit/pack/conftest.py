"""The policy pack behind its real gRPC server, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from packed import Engine

from beffroi.pack.content import Content, load
from beffroi.pack.plugin import serve
from beffroi.policy import example_town

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def base() -> dict[str, Any]:
    return example_town(ROOT)


@pytest.fixture(scope="session", name="content")
def _content() -> Content:
    return load(ROOT / "policies", "town")


@pytest.fixture
def engine(content: Content) -> Iterator[Engine]:
    held: list[Engine] = []
    server, port = serve(lambda _: held[0].content, lambda: held[0].today)
    held.append(Engine(port, content))
    yield held[0]
    held[0].channel.close()
    server.stop(0).wait()


@pytest.fixture
def reading_engine(content: Content) -> Iterator[Engine]:
    """One whose pack reads its folder as the real one does."""
    server, port = serve(lambda folder: load(folder, "town"), lambda: date(2026, 1, 1))
    engine = Engine(port, content)
    yield engine
    engine.channel.close()
    server.stop(0).wait()
