"""Tokens of an identity provider: signed by it, for us, now, with a role; anything else is refused."""

import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from service.settings import Settings
from service.storing.tokens import TokenRefused
from service.web.entry.identities import IdentityProvider, Misconfigured

ISSUER, AUDIENCE = "https://login.example/realm", "daybook"
KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = rsa.generate_private_key(65537, 2048)


def published(*keys: tuple[str, rsa.RSAPrivateKey]) -> str:
    """The keys as a provider publishes them."""
    found = [
        {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", "alg": "RS256"}
        for kid, key in keys
    ]
    return json.dumps({"keys": found})


def token(key: Any = KEY, kid: str | None = "k1", algorithm: str = "RS256", **claims: Any) -> str:
    """A token that is let in, unless a claim is changed; a claim of None is left out."""
    now = int(time.time())
    plain = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": now + 300, "daybook_role": "recorder"} | claims
    kept = {name: value for name, value in plain.items() if value is not None}
    return jwt.encode(kept, key, algorithm, headers={} if kid is None else {"kid": kid})


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    """The provider's keys in a file."""
    path = tmp_path / "jwks.json"
    path.write_text(published(("k1", KEY)))
    return path


@pytest.fixture
def provider(jwks: Path) -> IdentityProvider:
    """A provider whose keys are in a file."""
    return IdentityProvider(ISSUER, AUDIENCE, str(jwks), "RS256", "daybook_role", 30)


def test_a_good_token_is_let_in_as_its_subject_with_its_role(provider: IdentityProvider) -> None:
    assert provider.admit(token()) == ("oidc:ada", "recorder")
    assert provider.admit(token(daybook_role=["staff", "viewer", "auditor"]))[1] == "auditor"


def test_a_subject_that_is_no_id_is_given_by_its_digest(provider: IdentityProvider) -> None:
    one, other = (provider.admit(token(sub=subject))[0] for subject in ("Ada Lovelace|7", "Ada Lovelace|8"))
    assert one.startswith("oidc:")
    assert "Ada" not in one
    assert one != other


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"iss": "https://elsewhere.example"}, "issuer"),
        ({"aud": "another"}, "[Aa]udience"),
        ({"exp": int(time.time()) - 3_600}, "expired"),
        ({"nbf": int(time.time()) + 86_400}, "not yet valid"),
        ({"exp": None}, "exp"),
        ({"sub": None}, "sub"),
        ({"daybook_role": None}, "names no role"),
        ({"daybook_role": "owner"}, "names no role"),
        ({"key": OTHER_KEY}, "[Ss]ignature"),
        ({"kid": "k2"}, "not published"),
        ({"algorithm": "RS512"}, "alg"),
    ],
)
def test_any_other_token_is_refused(provider: IdentityProvider, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(TokenRefused, match=said):
        provider.admit(token(**wrong))


def test_a_clock_may_differ_by_the_leeway(provider: IdentityProvider) -> None:
    assert provider.admit(token(exp=int(time.time()) - 5))[0] == "oidc:ada"


def test_the_algorithm_is_the_operators_choice_not_the_tokens(provider: IdentityProvider) -> None:
    unsigned = jwt.encode({"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": int(time.time()) + 300}, None, "none")
    for forged in (unsigned, token(key=ec.generate_private_key(ec.SECP256R1()), algorithm="ES256"), "a.b.c", ".."):
        with pytest.raises(TokenRefused):
            provider.admit(forged)


def test_new_keys_in_the_file_are_read(provider: IdentityProvider, jwks: Path) -> None:
    with pytest.raises(TokenRefused):
        provider.admit(token(key=OTHER_KEY, kid="k2"))
    later = time.time() + 10
    jwks.write_text(published(("k1", KEY), ("k2", OTHER_KEY)))
    os.utime(jwks, (later, later))
    assert provider.admit(token(key=OTHER_KEY, kid="k2"))[0] == "oidc:ada"


@pytest.fixture
def keys_url() -> Iterator[str]:
    """Where a provider publishes its keys."""

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(published(("k1", KEY)).encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = HTTPServer(("127.0.0.1", 0), Keys)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/jwks"
    server.shutdown()
    thread.join()
    server.server_close()


def test_keys_are_fetched_from_where_the_provider_publishes_them(keys_url: str) -> None:
    provider = IdentityProvider(ISSUER, AUDIENCE, keys_url, "RS256", "realm.roles", 30)
    assert provider.admit(token(realm={"roles": ["viewer"]})) == ("oidc:ada", "viewer")
    with pytest.raises(TokenRefused):
        provider.admit(token(kid="unknown", realm={"roles": ["viewer"]}))


def test_a_provider_that_cannot_be_reached_lets_nobody_in() -> None:
    provider = IdentityProvider(ISSUER, AUDIENCE, "http://127.0.0.1:9/jwks", "RS256", "daybook_role", 30)
    with pytest.raises(TokenRefused, match="cannot be fetched"):
        provider.admit(token())


def test_settings_that_do_not_go_together_are_refused(tmp_path: Path, jwks: Path) -> None:
    def given(**fields: Any) -> Settings:
        return Settings(home=tmp_path, **{f"oidc_{name}": value for name, value in fields.items()})

    assert IdentityProvider.of(Settings(home=tmp_path)) is None
    with pytest.raises(Misconfigured, match="oidc_audience, oidc_jwks"):
        IdentityProvider.of(given(issuer=ISSUER))
    whole = {"issuer": ISSUER, "audience": AUDIENCE, "jwks": str(jwks)}
    with pytest.raises(Misconfigured, match="HS256"):
        IdentityProvider.of(given(**whole, algorithm="HS256"))
    with pytest.raises(Misconfigured, match=r"nowhere\.json"):
        IdentityProvider.of(given(**{**whole, "jwks": str(tmp_path / "nowhere.json")}))
    assert IdentityProvider.of(given(**whole)) is not None
