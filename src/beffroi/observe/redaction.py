"""Secrets that a host says by mistake go no further: kinds do not see them, and they are never kept. Pure.

Kinds reduce secrets to facts on the host already (an account's hash becomes the name of its scheme); this is the net
below. What stands in a secret's place says what it was: a hash keeps its scheme, a key its sort. It is applied before
a kind reads an answer, so that a replay reads the same. Every repetition that could begin anywhere is bounded: a host
may answer anything, and must not buy hours of computing with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]

_RULES: tuple[_Rule, ...] = (
    # crypt(5): $scheme$[parameters$]salt$hash
    (re.compile(r"(\$(?:1|2[abxy]?|5|6|7|y|gy|sha1|md5|argon2(?:id|i|d))\$)[./A-Za-z0-9$,=+-]{8,}"), r"\1[redacted]"),
    # shadow(5): a hash of the oldest sort has no scheme; the fields around it tell what it is.
    (re.compile(r"(?m)^([a-z_][a-z0-9_.-]{0,64}:!?)([./A-Za-z0-9]{13})(:\d*:\d*:\d*:\d*:\d*:\d*:)"), r"\1[redacted]\3"),
    # RFC 7468, OpenSSH and PGP: from the first line to the last, or to the end when the last is not there.
    (
        re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY(?: BLOCK)?)-----.*?(?:-----END \1-----|\Z)", re.DOTALL),
        r"[redacted \1]",
    ),
    # RFC 3986: user:password@host
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,20}://[^\s:/@]{0,100}:)[^\s/@]{1,200}@"), r"\1[redacted]@"),
    # RFC 7235 and 7519: bearer tokens, JSON web tokens.
    (re.compile(r"\b(Bearer|Basic)(\s+)[A-Za-z0-9._~+/-]{16,}=*"), r"\1\2[redacted]"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"), "[redacted token]"),
    # Settings that are named for what they keep, as in configuration files, environments and command lines.
    (
        re.compile(
            r"""(?ix)
            (\b[a-z0-9_.-]{0,40}(?:passwd|password|passphrase|secret|token|api[_-]?key|private[_-]?key|psk)["']?
            \s{0,8}[=:]\s{0,8}["']?) (?!\[redacted) [^\s"',;)\]}]{4,}"""
        ),
        r"\1[redacted]",
    ),
)


def redacted(text: str) -> str:
    """Return `text` without the secrets that a rule knows; doing it twice changes nothing more."""
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text
