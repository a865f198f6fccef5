"""Secrets that a host says by mistake go no further: kinds do not see them, and they are never kept. Pure.

Kinds reduce secrets to facts on the host already (an account's hash becomes the name of its scheme); this is the net
below. What stands in a secret's place says what it was: a hash keeps its scheme, a key its sort. It is applied before
a kind reads an answer, so that a replay reads the same. Every repetition that could begin anywhere is bounded: a host
may answer anything, and must not buy hours of computing with it.
"""

from __future__ import annotations

import re

_NAMES = ("passwd", "password", "passphrase", "secret", "token", "apikey", "api_key", "api-key", "private_key", "psk")

_RULES: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    # crypt(5): $scheme$[parameters$]salt$hash
    (
        ("$",),
        re.compile(r"(\$(?:1|2[abxy]?|5|6|7|y|gy|sha1|md5|argon2(?:id|i|d))\$)[./A-Za-z0-9$,=+-]{8,}"),
        r"\1[redacted]",
    ),
    # shadow(5): a hash of the oldest sort has no scheme; the fields around it tell what it is.
    (
        (":",),
        re.compile(r"(?m)^([a-z_][a-z0-9_.-]{0,64}:!?)([./A-Za-z0-9]{13})(:\d*:\d*:\d*:\d*:\d*:\d*:)"),
        r"\1[redacted]\3",
    ),
    # RFC 7468, OpenSSH and PGP: from the first line to the last, or to the end when the last is not there.
    (
        ("PRIVATE KEY",),
        re.compile(r"-----BEGIN ([A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?)-----.*?(?:-----END \1-----|\Z)", re.DOTALL),
        r"[redacted \1]",
    ),
    # RFC 3986: user:password@host
    (("://",), re.compile(r"(://[^\s:/@]{0,100}:)[^\s/@]{1,200}@"), r"\1[redacted]@"),
    # RFC 7235 and 7519: bearer tokens, JSON web tokens.
    (("Bearer", "Basic"), re.compile(r"\b(Bearer|Basic)(\s{1,8})[A-Za-z0-9._~+/-]{16,}=*"), r"\1\2[redacted]"),
    (("eyJ",), re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"), "[redacted token]"),
    # Settings that are named for what they keep, as in configuration files, environments and command lines.
    (
        _NAMES,
        re.compile(
            rf"""(?i)((?:{"|".join(_NAMES)})["']?\s{{0,8}}[=:]\s{{0,8}}["']?)(?!\[redacted)[^\s"',;)\]}}]{{4,}}"""
        ),
        r"\1[redacted]",
    ),
)
"""Words without which a rule has nothing to find (in lower case, when it reads both), the rule, and what it leaves."""


def redacted(text: str) -> str:
    """Return `text` without the secrets that a rule knows; doing it twice changes nothing more."""
    lower = text.lower()
    for words, pattern, instead in _RULES:
        if any(word in text or word in lower for word in words):
            text = pattern.sub(instead, text)
    return text
