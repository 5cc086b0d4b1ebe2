"""What browsers are told and asked: headers, the names that are ours, who may post here."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from config import Settings

LOOPBACK = ["127.0.0.1", "localhost"]
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
MACHINES = ("webhooks",)  # blueprints that no browser posts to; they have stronger proofs
REPORTS = "/csp"
OFF = (
    *("accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "fullscreen"),
    *("geolocation", "gyroscope", "hid", "magnetometer", "microphone", "midi", "payment"),
    *("picture-in-picture", "screen-wake-lock", "serial", "usb"),
    "xr-spatial-tracking",
)
# Of an answer that is no page, and of a picture that somebody opens as if it were one.
NO_PAGE = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{name}=()" for name in OFF),
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
ONE_YEAR_WITH_SUBDOMAINS = "max-age=31536000; includeSubDomains"


def init_browsers(app: Flask, settings: Settings) -> None:
    """Answer only to our own names and origin, and send every answer with its headers."""
    app.config["TRUSTED_HOSTS"] = trusted_hosts(settings)
    app.jinja_env.globals["csp_nonce"] = csp_nonce
    app.before_request(refuse_other_origins)
    app.after_request(add_headers)
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        # Never the forwarded host: our own name is known, and only it is answered to.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=count, x_proto=count, x_host=0, x_port=0, x_prefix=0
        )


def trusted_hosts(settings: Settings) -> list[str]:
    """The names in ``Host`` that are ours; another is answered with 400."""
    own = urlsplit(settings.public_url).hostname or ""
    return [own, *(LOOPBACK if settings.is_demo else [])]


def csp_nonce() -> str:
    """This answer's number used once: only a script that carries it runs."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(18)
    found: str = g.csp_nonce
    return found


def content_policy(nonce: str) -> str:
    """Nothing but our own files, and no script but the one that this page names."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self';"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none';"
        f" frame-ancestors 'none'; report-to csp; report-uri {REPORTS}"
    )


def refuse_other_origins() -> None:
    """A form sent from another site is refused, before its token is looked at.

    With ``no-referrer`` a browser names its own page's origin ``null``, so that word alone proves
    nothing; ``Sec-Fetch-Site`` does, and a browser too old to send it still needs the token.
    """
    if request.method not in UNSAFE or request.blueprint in MACHINES:
        return
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403)
    if request.headers.get("Origin", "null") not in ("null", *_own_origins()):
        abort(403)


def _own_origins() -> tuple[str, str]:
    """Where PUBLIC_URL says we are, and the address that this request came to, a trusted one."""
    return _public_origin(), f"{request.scheme}://{request.host}"


def _public_origin() -> str:
    settings: Settings = current_app.config["SETTINGS"]
    public = urlsplit(settings.public_url)
    return f"{public.scheme}://{public.netloc}"


def add_headers(response: Response) -> Response:
    """What every answer says to a browser; a file of ours keeps its own words on caching."""
    is_page = response.mimetype == "text/html"
    policy = content_policy(csp_nonce()) if is_page else NO_PAGE
    response.headers.setdefault("Content-Security-Policy", policy)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if is_page:
        response.headers.setdefault("Reporting-Endpoints", f'csp="{REPORTS}"')
    if request.is_secure or _public_origin().startswith("https://"):
        response.headers.setdefault("Strict-Transport-Security", ONE_YEAR_WITH_SUBDOMAINS)
    return response
