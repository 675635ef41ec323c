"""Tokens of an identity provider (OpenID Connect): JWTs that are checked against its published keys."""

import asyncio
import hashlib
import re
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import jwt

from domain.values import IDENTIFIER_PATTERN
from service.settings import Settings
from service.storing.tokens import Role, TokenRefused
from service.web.entry.published_keys import KeysOfFile, KeysOfUrl, KeysUnreadable, Published

#: From the strongest: of several roles in a token, the first of these counts.
STRONGEST_FIRST: tuple[Role, ...] = ("admin", "auditor", "recorder", "viewer")
#: Longer than any token; what is longer is not looked into.
LONGEST_TOKEN = 8_192
#: What a library raises over claims that no provider makes.
STRANGE = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)
#: Algorithms with a public key; a shared secret would let the holder of the verifying key sign.
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})


class Misconfigured(Exception):
    """The settings of the identity provider do not go together."""


class IdentityProvider:
    """One issuer whose tokens are let in, with the algorithm that it signs with and where its keys are."""

    def __init__(self, issuer: str, audience: str, jwks: str, algorithm: str, role_claim: str, leeway_s: float) -> None:
        if algorithm not in ALGORITHMS:
            raise Misconfigured(f"oidc_algorithm is one of {', '.join(sorted(ALGORITHMS))}, not {algorithm!r}")
        self.issuer = issuer
        self.audience = audience
        self.algorithm = algorithm
        self.role_claim = role_claim
        self.leeway_s = leeway_s
        self._keys = _published(jwks, algorithm)

    @classmethod
    def of(cls, settings: Settings) -> "IdentityProvider | None":
        """The provider that the settings name; None: they name none. Raises Misconfigured."""
        given = {name: getattr(settings, f"oidc_{name}") for name in ("issuer", "audience", "jwks")}
        if not any(given.values()):
            return None
        if missing := [f"oidc_{name}" for name, value in given.items() if not value]:
            raise Misconfigured(f"an identity provider takes {', '.join(missing)} as well")
        return cls(**given, algorithm=settings.oidc_algorithm, role_claim=settings.oidc_role_claim,
                   leeway_s=settings.oidc_leeway_s)  # fmt: skip

    def admit(self, text: str) -> tuple[str, Role]:
        """The opaque id and the role of the user a token speaks for; raises TokenRefused.

        Waits for the provider for `PATIENCE_S` at most, and only where its keys at hand do not do.
        """
        kid = _key_named(text)
        if (awaited := self._keys.awaited(kid)) is not None:
            wait([awaited[0]], awaited[1])
        return self._judged(text, kid)

    async def admit_soon(self, text: str) -> tuple[str, Role]:
        """As `admit`, holding no thread while it waits."""
        kid = _key_named(text)
        if (awaited := self._keys.awaited(kid)) is not None:
            await asyncio.wait([asyncio.wrap_future(awaited[0])], timeout=awaited[1])
        return self._judged(text, kid)

    def has_key_of(self, text: str) -> bool:
        """Whether the key that a token names is at hand, and the provider need not be asked; raises TokenRefused."""
        kid = _key_named(text)
        try:
            self._keys.find(kid)
        except jwt.PyJWTError:
            return False
        return True

    def _judged(self, text: str, kid: str | None) -> tuple[str, Role]:
        try:
            claims = jwt.decode(
                text,
                self._keys.find(kid),
                algorithms=[self.algorithm],
                audience=self.audience,
                issuer=self.issuer,
                leeway=self.leeway_s,
                options={"require": ["exp", "sub", "iss", "aud"]},
            )
        except jwt.PyJWKClientConnectionError:
            raise TokenRefused("the keys of the identity provider cannot be fetched just now") from None
        except STRANGE as error:
            raise TokenRefused(f"the identity provider's token is refused: {error}") from None
        return _subject(self.issuer, str(claims["sub"])), self._role(claims)

    def _role(self, claims: dict[str, Any]) -> Role:
        given: Any = claims
        for part in self.role_claim.split("."):
            given = given.get(part) if isinstance(given, dict) else None
        named = given if isinstance(given, list) else [given]
        for role in STRONGEST_FIRST:
            if role in named:
                return role
        raise TokenRefused(f"the token names no role in its claim {self.role_claim!r}")


def _published(jwks: str, algorithm: str) -> Published:
    if re.match(r"https?://", jwks):
        return KeysOfUrl(jwks, algorithm)
    try:
        return KeysOfFile(Path(jwks), algorithm)
    except KeysUnreadable as error:
        raise Misconfigured(f"oidc_jwks {jwks}: {error}") from None


def _key_named(text: str) -> str | None:
    """The name of the key that a token says it is signed with; raises TokenRefused where it is no token."""
    if len(text) > LONGEST_TOKEN:
        raise TokenRefused("the token is too long to be one")
    try:
        return jwt.get_unverified_header(text).get("kid")
    except STRANGE as error:
        raise TokenRefused(f"the identity provider's token is refused: {error}") from None


def _subject(issuer: str, subject: str) -> str:
    """An id for events; a subject that is not one by form is given by its digest."""
    plain = f"oidc:{subject}"
    if re.fullmatch(IDENTIFIER_PATTERN, plain):
        return plain
    whole = f"{issuer} {subject}".encode("utf-8", "surrogatepass")
    return f"oidc:{hashlib.sha256(whole).hexdigest()[:32]}"
