"""What nginx reads on the machine that stands in front of the application (nginx.org, the modules' documentation)."""

from __future__ import annotations

from . import _tls as tls

SITE = "/etc/nginx/sites-enabled/portal"
FOLDERS = ("/etc/nginx/sites-enabled", "/etc/nginx/conf.d")
LOG = "/var/log/nginx/access.log"

HEADERS = {
    "Strict-Transport-Security": "max-age={hsts}",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
"""Headers of every answer: HTTPS from now on, no guessing, no framing, no address passed on, no copy kept."""

_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305"
)

_SITE = """\
# Written by the role web_front. Citizens' door: TLS alone, nothing of what they ask written in the log.
log_format portal '$remote_addr [$time_iso8601] "$request_method $uri $server_protocol" $status $body_bytes_sent';
server_tokens off;

server {{
    listen 80 default_server;
    listen [::]:80 default_server;
    access_log {log} portal;
    return 301 https://$host$request_uri;
}}

server {{
    listen {port} ssl http2 default_server;
    listen [::]:{port} ssl http2 default_server;
    access_log {log} portal;
    # Lower levels quote whole requests, and what stands behind their question marks.
    error_log /var/log/nginx/error.log crit;

    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_protocols {protocols};
    ssl_ciphers {ciphers};
    ssl_prefer_server_ciphers off;
    ssl_session_cache shared:portal:2m;
    ssl_session_tickets off;
    client_max_body_size 10m;

{headers}

    location / {{
{location}
    }}
}}
"""

_PROXY = """\
proxy_pass https://{upstream};
proxy_ssl_verify on;
proxy_ssl_verify_depth 2;
proxy_ssl_trusted_certificate {authority};
proxy_ssl_name {name};
proxy_ssl_server_name on;
proxy_ssl_protocols {protocols};
proxy_ssl_certificate {certificate};
proxy_ssl_certificate_key {key};
proxy_set_header Host $host;
proxy_set_header X-Forwarded-Proto https;
proxy_hide_header Server;
proxy_connect_timeout 5s;
proxy_read_timeout 30s;"""


def headers(hsts_days: int) -> dict[str, str]:
    """Return each header and its value."""
    return {name: value.format(hsts=hsts_days * 86_400) for name, value in HEADERS.items()}


def site(port: int, minimum: str, hsts_days: int, upstream: str, name: str) -> str:
    """Return the site's text; without an `upstream` (`address:port`), it says that nothing is there yet."""
    protocols = "TLSv1.2 TLSv1.3" if minimum == "TLSv1.2" else "TLSv1.3"
    files = {"certificate": tls.CERTIFICATE_FILE, "key": tls.KEY_FILE, "authority": tls.AUTHORITY_FILE}
    words = {**files, "protocols": protocols, "upstream": upstream, "name": name}
    location = _PROXY.format(**words) if upstream else "return 503;"
    added = "\n".join(f'    add_header {header} "{value}" always;' for header, value in headers(hsts_days).items())
    indented = "\n".join(f"        {line}" for line in location.splitlines())
    return _SITE.format(**words, log=LOG, port=port, ciphers=_CIPHERS, headers=added, location=indented)
