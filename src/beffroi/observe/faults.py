"""What goes wrong on the way to a host, told as a reason that a person can act on."""

from __future__ import annotations

import os

import asyncssh

from beffroi.errors import UNREADABLE, CouldNotLook
from beffroi.messages import say
from beffroi.report.visible import shorten

from .routes import Route

BROKEN = (asyncssh.Error, EOFError, OSError, *UNREADABLE)
"""What an SSH connection can raise: the network's faults, and what a host that speaks nonsense brings about."""

_WORDS = 300


def is_passing(error: Exception) -> bool:
    """Tell whether another attempt may well succeed: nobody listened, or somebody hung up, as a busy sshd does."""
    return isinstance(error, ConnectionError | asyncssh.ConnectionLost)


def could_not_look(error: Exception, host: str) -> CouldNotLook:
    """Return why `host` could not be looked at; what it said itself is made visible and short."""
    if isinstance(error, CouldNotLook):
        return error
    if isinstance(error, asyncssh.ConnectionLost | BrokenPipeError | ConnectionResetError | EOFError):
        return CouldNotLook(say("observe-hung-up"), where=host)
    words = getattr(error, "reason", "") or _of_the_system(error) or str(error) or type(error).__name__
    return CouldNotLook(say("observe-no-ssh", words=shorten(str(words), _WORDS)), where=host)


def could_not_connect(error: Exception, route: Route, *, known: bool) -> CouldNotLook:
    """Return why there is no connection to a host; `known` says that its key is in the known hosts."""
    where = route.host
    files = ", ".join(map(str, route.known_hosts)) or "-"
    if isinstance(error, asyncssh.HostKeyNotVerifiable) or _is_of_host_key(error):
        key = "observe-key-changed" if known else "observe-key-unknown"
        return CouldNotLook(say(key, name=route.alias), where=where, hint=say(f"{key}-hint", files=files))
    if isinstance(error, asyncssh.PermissionDenied):
        reason, hint = say("observe-not-let-in", user=route.user), say("observe-not-let-in-hint", key=route.identity)
        return CouldNotLook(reason, where=where, hint=hint)
    if isinstance(error, asyncssh.KeyExchangeFailed):
        return CouldNotLook(say("observe-old-ssh"), where=where, hint=say("observe-old-ssh-hint"))
    return could_not_look(error, where)


def _of_the_system(error: Exception) -> str:
    return os.strerror(error.errno) if isinstance(error, ConnectionError) and error.errno else ""


def _is_of_host_key(error: Exception) -> bool:
    """Tell whether the host has no key of the kinds that are known of it: asyncssh tells this by its words alone."""
    return isinstance(error, asyncssh.KeyExchangeFailed) and "host key" in str(error)
