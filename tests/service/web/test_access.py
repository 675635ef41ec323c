"""Who is let in over HTTP, and to what: every role on every route."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from service.daybook import Daybook
from service.settings import Settings
from service.tokens import Tokens
from service.web.access import Access
from service.web.application import application
from service.web.permissions import ROLES, Capability, required, rule_for
from tests.service.web.conftest import EVENTS

ORGANIZATION = {
    "type": "organization-registered",
    "effective_on": "2024-01-01",
    "data": {"organization_id": "acme", "name": "Acme", "country": "DE"},
}
#: What is open to anybody, and nothing else.
OPEN = {"/livez", "/readyz", "/version", "/problems", "/problems/{name}", "/openapi.json", "/docs"}


@pytest.fixture
def tokens(daybook: Daybook) -> Tokens:
    """The tokens of the test's ledger."""
    return Tokens(daybook.ledger.recorder.datastore)


@pytest.fixture
def guarded(daybook: Daybook, settings: Settings, tokens: Tokens) -> Iterator[TestClient]:
    """A client without a token of its own."""
    app = application(daybook, settings, Access(tokens=tokens))
    with TestClient(app, raise_server_exceptions=False) as opened:
        yield opened


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def routes(client: TestClient) -> list[tuple[str, str]]:
    """Every method and path template that the application has."""
    app: Any = client.app
    return list(_walk(app.routes, ""))


def _walk(found: list[Any], prefix: str) -> Iterator[tuple[str, str]]:
    for route in found:
        if isinstance(route, Mount):
            yield "GET", f"{prefix}{route.path}/{{path}}"
        elif isinstance(route, Route | APIRoute):
            yield from ((method, prefix + route.path) for method in sorted(route.methods or ()))
        else:
            yield from _walk(route.original_router.routes, prefix + route.include_context.prefix)


def filled(template: str) -> str:
    """A path of this form."""
    return re.sub(r"\{[^}]+\}", "1", template)


def test_every_role_is_held_to_the_table_on_every_route(guarded: TestClient, tokens: Tokens) -> None:
    texts = {role: tokens.create(role, role)[1] for role in ROLES}
    checked = 0
    for method, template in routes(guarded):
        path = filled(template)
        rule = rule_for(method, path)
        assert rule is not None, f"no rule says who may {method} {template}"
        if rule.capability is None:
            assert template in OPEN or template.startswith("/docs/"), f"{template} is open to anybody"
            continue
        if template.endswith("/events/stream"):
            continue  # answers for as long as it is listened to; see its own tests
        assert guarded.request(method, path).status_code == 401, (method, path)
        for role, capabilities in ROLES.items():
            answer = guarded.request(method, path, headers=bearer(texts[role]))
            refused = answer.status_code == 403
            assert refused == (rule.capability not in capabilities), (method, path, role, answer.status_code)
            checked += 1
    assert checked >= 4 * 20


def test_an_auditor_proves_and_records_nothing() -> None:
    assert Capability.PROVE in ROLES["auditor"]
    assert Capability.RECORD not in ROLES["auditor"]
    assert ROLES["viewer"] < ROLES["recorder"] < ROLES["admin"]
    assert ROLES["viewer"] < ROLES["auditor"] < ROLES["admin"]


@pytest.mark.parametrize(
    ("method", "path", "capability"),
    [
        ("GET", "/livez", None),
        ("POST", "/livez", "read"),
        ("GET", "/log/checkpoint", "prove"),
        ("GET", "/api/v1/log/tile/0/000", "prove"),
        ("GET", "/api/v1/events/7/proof", "prove"),
        ("GET", "/api/v1/events/7", "read"),
        ("POST", "/api/v1/events", "record"),
        ("DELETE", "/api/v1/orders/po-1", "record"),
        ("POST", "/api/v1/scenarios/vendor-dependence", "read"),
        ("GET", "/api/v1/webhooks", "manage"),
        ("GET", "/nowhere", "read"),
    ],
)
def test_what_a_request_takes(method: str, path: str, capability: str | None) -> None:
    assert required(method, path) == capability


def test_the_actor_is_stamped_on_the_event(guarded: TestClient, tokens: Tokens) -> None:
    made, text = tokens.create("ERP", "recorder")
    answer = guarded.post(EVENTS, json=ORGANIZATION, headers=bearer(text))
    assert answer.status_code == 201, answer.text
    stored = guarded.get(f"{EVENTS}/1", headers=bearer(text)).json()
    assert stored["actor"] == f"token:{made.id}"


def test_a_refusal_says_who_may(guarded: TestClient, tokens: Tokens) -> None:
    _, text = tokens.create("report", "viewer")
    answer = guarded.post(EVENTS, json=ORGANIZATION, headers=bearer(text))
    assert answer.status_code == 403
    assert answer.json()["detail"] == "a token of role viewer may not record; these may: recorder, admin"


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (None, "no token was sent"),
        ("Basic dXNlcjpwYXNz", "no token was sent"),
        ("Bearer", "no token was sent"),
        ("Bearer daybook_0011223344556677_nothing", "the token is not known here"),
        ("Bearer a.b.c", "the token is not known here"),
        ("Bearer " + "x" * 9_000, "the token is too long to be one"),
    ],
)
def test_what_is_not_let_in(guarded: TestClient, header: str | None, said: str) -> None:
    answer = guarded.get(EVENTS, headers={} if header is None else {"Authorization": header})
    assert (answer.status_code, answer.json()["detail"]) == (401, said)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="daybook"'


def test_a_rate_limit_is_told_and_kept_for_each_token(daybook: Daybook, settings: Settings, tokens: Tokens) -> None:
    limited = settings.model_copy(update={"rate_limit": "3/hour"})
    texts = [tokens.create(name, "viewer")[1] for name in ("one", "other")]
    with TestClient(application(daybook, limited, Access(tokens=tokens))) as client:
        answers = [client.get(EVENTS, headers=bearer(texts[0])) for _ in range(4)]
        other = client.get(EVENTS, headers=bearer(texts[1]))
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0", "r=0"]
    assert answers[0].headers["RateLimit-Policy"] == '"token";q=3;w=3600'
    assert 3_590 <= int(answers[3].headers["Retry-After"]) <= 3_600
    assert other.status_code == 200


def test_every_answer_has_the_standing_headers(guarded: TestClient) -> None:
    for path in ("/livez", EVENTS, "/nowhere"):
        headers = guarded.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Content-Security-Policy"].startswith("default-src 'none'"), path
        assert re.fullmatch("[0-9a-f]{32}", headers["X-Request-Id"]), path
    named = guarded.get("/livez", headers={"X-Request-Id": "mine-7"})
    assert named.headers["X-Request-Id"] == "mine-7"
    assert guarded.get("/livez", headers={"X-Request-Id": "no good"}).headers["X-Request-Id"] != "no good"


def test_other_sites_may_call_only_where_the_operator_says_so(
    daybook: Daybook, settings: Settings, tokens: Tokens
) -> None:
    asked = {"Origin": "https://buying.example", "Access-Control-Request-Method": "GET"}
    with TestClient(application(daybook, settings, Access(tokens=tokens))) as client:
        closed = client.options(EVENTS, headers=asked)
    opened_to = settings.model_copy(update={"cors_origins": ["https://buying.example"]})
    with TestClient(application(daybook, opened_to, Access(tokens=tokens))) as client:
        opened = client.options(EVENTS, headers=asked)
        stranger = client.options(EVENTS, headers={**asked, "Origin": "https://elsewhere.example"})
    assert "Access-Control-Allow-Origin" not in closed.headers
    assert opened.headers["Access-Control-Allow-Origin"] == "https://buying.example"
    assert "Access-Control-Allow-Origin" not in stranger.headers
