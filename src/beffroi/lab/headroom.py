"""What the computer's kernel must leave room for: ten machines under one kernel share its limits for each user."""

from __future__ import annotations

from pathlib import Path

from beffroi.errors import CouldNotAct
from beffroi.messages import say

# A booted machine holds about 8 inotify instances, all counted as root's; Linux allows 128 by default (inotify(7)), so
# the machines of a second lab would hang at boot with "Failed to create inotify object".
_INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
_ENOUGH = 2_048


def make_room() -> None:
    """Raise the kernel's limit of inotify instances, until the next boot, where it is too low for several labs.

    It only allows more, and costs no memory until it is used. Raise CouldNotAct when this computer forbids it.
    """
    allowed = int(_INSTANCES.read_text("ascii"))
    if allowed >= _ENOUGH:
        return
    try:
        _INSTANCES.write_text(str(_ENOUGH), "ascii")
    except OSError as error:
        raise CouldNotAct(
            say("setup-no-room", limit=_INSTANCES, allowed=allowed, wanted=_ENOUGH), hint=say("setup-no-room-hint")
        ) from error
