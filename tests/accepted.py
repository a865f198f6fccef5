"""Outputs that were read once and accepted; `BEFFROI_ACCEPT=1 pytest ...` writes those of now, to be read again."""

from __future__ import annotations

import os
from pathlib import Path


def agree(path: Path, text: str) -> None:
    """Fail where `text` is not what `path` holds; write it there when the person who runs the tests accepts it."""
    if os.environ.get("BEFFROI_ACCEPT"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    assert path.is_file(), f"{path.name} was never accepted: BEFFROI_ACCEPT=1 writes it"
    assert text == path.read_text("utf-8")
