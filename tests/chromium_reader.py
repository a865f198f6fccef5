"""Somebody who opens a page in a real browser, and what they see.

A frame around the page reads what is visible (`innerText` obeys the style sheet) and writes it where `--dump-dom`
shows it. Chromium is a requirement: without it these tests fail.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--allow-file-access-from-files",
    "--virtual-time-budget=5000",
)

FRAME = """<!doctype html><meta charset="utf-8"><iframe id="frame" src="{address}" width="1400" height="900">
</iframe><script>
const frame = document.getElementById("frame");
frame.addEventListener("load", () => setTimeout(() => {{
  const page = frame.contentDocument, window = frame.contentWindow, seen = {{}};
  const key = (target, key) => target.dispatchEvent(new window.KeyboardEvent("keydown", {{ key, bubbles: true }}));
  {script}
  seen.language = page.documentElement.lang;
  seen.title = page.title;
  seen.text = page.body.innerText;
  seen.switch = [...page.querySelectorAll(".languages input")].filter((each) => each.checked).map((each) => each.value);
  seen.loaded = window.performance.getEntriesByType("resource").map((each) => each.name);
  document.body.textContent = "SEEN" + JSON.stringify(seen) + "SEEN";
}}, 300));
</script>"""


@dataclass(frozen=True)
class Reader:
    """Somebody who opens the pages of `folder` in Chromium."""

    chromium: str
    folder: Path
    profile: Path

    def dump(self, page: str) -> str:
        """Return the document as Chromium ends up with it; nothing may be said on its console."""
        run = subprocess.run(
            [self.chromium, *QUIET, f"--user-data-dir={self.profile}", "--dump-dom", self.folder.as_uri() + f"/{page}"],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        assert [line for line in run.stderr.splitlines() if "CONSOLE" in line] == []
        return run.stdout

    def look(self, address: str, script: str = "") -> dict[str, Any]:
        """Open the page at `address`, run `script` beside it, and return what its reader sees."""
        (self.folder / "frame.html").write_text(FRAME.format(address=address, script=script), "utf-8")
        document = self.dump("frame.html")
        found = re.search("SEEN(.*)SEEN", document, re.DOTALL)
        assert found, document[-2000:]
        seen: dict[str, Any] = json.loads(unescape(found[1]))
        return seen


def reader_of(folder: Path, profile: Path) -> Reader:
    chromium = shutil.which("chromium")
    assert chromium, "Chromium is missing: apt-get install chromium"
    return Reader(chromium, folder, profile)
