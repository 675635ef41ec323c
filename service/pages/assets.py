"""What pages load: styles and scripts, each under a name that changes with its content."""

import hashlib
from functools import cache
from importlib import resources

MEDIA_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
NAMES = ("daybook.css", "daybook.js", "daybook.svg")


@cache
def content_of(name: str) -> bytes:
    """The content of a file that pages load."""
    return resources.files("service.pages").joinpath("assets", name).read_bytes()


@cache
def address_of(name: str) -> str:
    """Where it is served: /assets/daybook-0123456789ab.css."""
    stem, _, kind = name.rpartition(".")
    return f"/assets/{stem}-{hashlib.sha256(content_of(name)).hexdigest()[:12]}.{kind}"


@cache
def served() -> dict[str, str]:
    """By the last part of the address the name of each file."""
    return {address_of(name).rpartition("/")[2]: name for name in NAMES}
