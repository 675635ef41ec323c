"""Idempotency-Key: the name that a client gives a request, so that sending it again records nothing again."""

import hashlib
import re

from starlette.requests import Request

from service.recording.receipts import IdempotencyKey
from service.web.problems import HttpProblem

HEADER = "Idempotency-Key"
#: A string as RFC 9651 writes it, as draft-ietf-httpapi-idempotency-key-header wants the key.
QUOTED = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
LONGEST_KEY = 255


def key_of(request: Request, body: bytes) -> IdempotencyKey | None:
    """The key of a request, and what the request is; None: it has none. HttpProblem where it is not a key."""
    given = request.headers.getlist(HEADER)
    if not given:
        return None
    if len(given) > 1:
        raise HttpProblem("malformed", f"{HEADER} is sent {len(given)} times")
    return IdempotencyKey(request.state.actor.id, _read(given[0]), _fingerprint(request, body))


def _read(given: str) -> str:
    """The key; with quotation marks around it or without it is the same."""
    if given.startswith('"'):
        match = QUOTED.fullmatch(given)
        if match is None:
            raise HttpProblem("malformed", f"{HEADER} begins with a quotation mark and is not a string: {given!r:.80}")
        key = re.sub(r"\\(.)", r"\1", match[1])
    else:
        key = given
    if not key.strip():
        raise HttpProblem("malformed", f"{HEADER} is empty")
    if len(key) > LONGEST_KEY:
        raise HttpProblem("malformed", f"{HEADER} has {len(key)} characters, more than {LONGEST_KEY}")
    if not (key.isascii() and key.isprintable()):
        raise HttpProblem("malformed", f"{HEADER} has a character that is not printable ASCII")
    return key


def _fingerprint(request: Request, body: bytes) -> bytes:
    """What makes a request the same one: method, path and body."""
    digest = hashlib.sha256(f"{request.method} {request.scope['path']}\n".encode())
    digest.update(body)
    return digest.digest()
