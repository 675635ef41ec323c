"""Tokens of an identity provider (OpenID Connect): JWTs that are checked against its published keys."""

import hashlib
import json
import re
import threading
from pathlib import Path
from typing import Any

import jwt

from domain.values import IDENTIFIER_PATTERN
from service.settings import Settings
from service.tokens import Role, TokenRefused

#: From the strongest: of several roles in a token, the first of these counts.
STRONGEST_FIRST: tuple[Role, ...] = ("admin", "auditor", "recorder", "viewer")
KEYS_KEPT_S = 300
FETCH_TIMEOUT_S = 5
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
        self._keys = _KeysOfUrl(jwks) if re.match(r"https?://", jwks) else _KeysOfFile(Path(jwks))

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
        """The opaque id and the role of whoever a token speaks for; raises TokenRefused. May ask the provider."""
        try:
            claims = jwt.decode(
                text,
                self._keys.find(text),
                algorithms=[self.algorithm],
                audience=self.audience,
                issuer=self.issuer,
                leeway=self.leeway_s,
                options={"require": ["exp", "sub", "iss", "aud"]},
            )
        except jwt.PyJWKClientConnectionError:
            raise TokenRefused("the keys of the identity provider cannot be fetched just now") from None
        except jwt.PyJWTError as error:
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


def _subject(issuer: str, subject: str) -> str:
    """An id for events; a subject that is not one by form is given by its digest."""
    plain = f"oidc:{subject}"
    if re.fullmatch(IDENTIFIER_PATTERN, plain):
        return plain
    return f"oidc:{hashlib.sha256(f'{issuer} {subject}'.encode()).hexdigest()[:32]}"


class _KeysOfUrl:
    def __init__(self, url: str) -> None:
        self._client = jwt.PyJWKClient(url, cache_keys=True, lifespan=KEYS_KEPT_S, timeout=FETCH_TIMEOUT_S)

    def find(self, text: str) -> Any:
        return self._client.get_signing_key_from_jwt(text).key


class _KeysOfFile:
    """A JWKS file, read again when it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at = -1.0
        self._keys: dict[str | None, Any] = {}
        self._lock = threading.Lock()
        self._refresh()

    def find(self, text: str) -> Any:
        self._refresh()
        kid = jwt.get_unverified_header(text).get("kid")
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        if kid not in self._keys:
            raise jwt.InvalidKeyError("it is signed with a key that is not published")
        return self._keys[kid]

    def _refresh(self) -> None:
        with self._lock:
            try:
                changed_at = self._path.stat().st_mtime
                if changed_at != self._read_at:
                    keys = jwt.PyJWKSet.from_dict(json.loads(self._path.read_bytes())).keys
                    self._keys = {key.key_id: key.key for key in keys}
                    self._read_at = changed_at
            except (OSError, ValueError, jwt.PyJWTError) as error:
                # A file that is being replaced: the keys read before stay good; with none, nobody can be let in.
                if not self._keys:
                    raise Misconfigured(f"oidc_jwks {self._path}: {error}") from None
