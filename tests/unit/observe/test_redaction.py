import time

import pytest

from beffroi.observe.redaction import redacted

KEY = "-----BEGIN " + "OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\nAAAA\n-----END OPENSSH PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("root:$6$salt$abcdefghijklmnop:19000:0:99999:7:::", "root:$6$[redacted]:19000:0:99999:7:::"),
        ("a:$y$j9T$abc.def/$ghijklmnop:1", "a:$y$[redacted]:1"),
        ("x $argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA y", "x $argon2id$[redacted] y"),
        ("old:ab01FAX.bQRSU:19000:0:99999:7:::", "old:[redacted]:19000:0:99999:7:::"),
        (f"key:\n{KEY}\nafter", "key:\n[redacted OPENSSH PRIVATE KEY]\nafter"),
        (KEY[:60], "[redacted OPENSSH PRIVATE KEY]"),
        ("deb https://user:hunter22@mirror/debian x", "deb https://user:[redacted]@mirror/debian x"),
        ("Authorization: Bearer abcdefghijklmnop1234", "Authorization: Bearer [redacted]"),
        ("t eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSM_-", "t [redacted token]"),
        ("db_password = 'hunter22'", "db_password = '[redacted]'"),
        ('{"api_key": "abcd1234"}', '{"api_key": "[redacted]"}'),
        ("PGPASSWORD=hunter22 psql", "PGPASSWORD=[redacted] psql"),
    ],
)
def test_a_secret_is_kept_as_what_it_was(said: str, kept: str) -> None:
    assert redacted(said) == kept
    assert redacted(kept) == kept


@pytest.mark.parametrize(
    "said",
    [
        *("passwordauthentication no", "PASS_MAX_DAYS   90", "root:*:19000:0:99999:7:::", "daemon:!:19000::::::"),
        *("password [success=1 default=ignore] pam_unix.so obscure yescrypt", "auditor:x:1000:1000::/home:/bin/bash"),
        *("root:yescrypt", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ", "https://mirror:8080/debian", "minlen = 12"),
        *("-----BEGIN CERTIFICATE-----", "ExecStart={ path=/bin/x ; argv[]=/bin/x $1$2 ; }", "", "\x00\ud800"),
    ],
)
def test_what_is_no_secret_is_kept_as_it_is(said: str) -> None:
    assert redacted(said) == said


@pytest.mark.parametrize(
    "piece",
    ["a.", "a-", "$6$", "://", "password", "password=", "-----BEGIN RSA " + "PRIVATE KEY-----", "eyJ", "x:", "\n", " "],
)
def test_a_host_cannot_buy_hours_of_computing(piece: str) -> None:
    begun = time.monotonic()
    redacted(piece * (400_000 // len(piece)))
    assert time.monotonic() - begun < 20
