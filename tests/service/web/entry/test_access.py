"""Who is let in over HTTP, and to what: every role on every route."""

import base64
import re
from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from psycopg import Connection
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from service.daybook import Daybook
from service.settings import Settings
from service.storing.tokens import MOST_UNKNOWN, Tokens
from service.web.application import application
from service.web.entry.access import Access
from service.web.entry.permissions import READ, RECORD, ROLES, Capability, Declarations, Undeclared
from service.web.routes import ROUTERS
from tests.service.web.conftest import EVENTS

ORGANIZATION = {
    "type": "organization-registered",
    "effective_on": "2024-01-01",
    "data": {"organization_id": "acme", "name": "Acme", "country": "DE"},
}
#: What is open to anybody, and nothing else.
OPEN = {
    "/livez",
    "/readyz",
    "/version",
    "/problems",
    "/problems/{name}",
    "/openapi.json",
    "/docs",
    "/sign-in",
    "/sign-out",
}


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


def basic(token: str, user: str = "") -> dict[str, str]:
    """The header that carries a token as a password."""
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{token}'.encode()).decode()}"}


def app_of(client: TestClient) -> FastAPI:
    """The application that a client asks."""
    app = client.app
    assert isinstance(app, FastAPI)
    return app


def routes(client: TestClient) -> list[tuple[str, str]]:
    """Every method and path template that the application has."""
    return list(_walk(app_of(client).routes, ""))


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
    declared = Declarations(app_of(guarded).routes)
    checked = 0
    for method, template in routes(guarded):
        path = filled(template)
        permission = declared.at(method, path)
        assert permission is not None, f"no route says who may {method} {template}"
        if permission.capability is None:
            assert template in OPEN or template.startswith(("/docs/", "/assets/")), f"{template} is open to anybody"
            continue
        if template.endswith("/events/stream"):
            continue  # answers for as long as it is listened to; see its own tests
        assert guarded.request(method, path).status_code == 401, (method, path)
        for role, capabilities in ROLES.items():
            answer = guarded.request(method, path, headers=bearer(texts[role]))
            refused = answer.status_code == 403
            assert refused == (permission.capability not in capabilities), (method, path, role, answer.status_code)
            if method == "GET" or refused:
                # As the password of Basic authentication a token is worth the same.
                assert guarded.request(method, path, headers=basic(texts[role])).status_code == answer.status_code, path
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
        ("GET", "/log/checkpoint", "prove"),
        ("GET", "/api/v1/log/tile/0/000", "prove"),
        ("GET", "/api/v1/events/7/proof", "prove"),
        ("GET", "/api/v1/events/7", "read"),
        ("POST", "/api/v1/events", "record"),
        ("POST", "/api/v1/orders/po-1/receipts", "record"),
        ("POST", "/api/v1/scenarios/vendor-dependence", "read"),
        ("GET", "/api/v1/webhooks", "manage"),
    ],
)
def test_what_a_request_takes(guarded: TestClient, method: str, path: str, capability: str | None) -> None:
    permission = Declarations(app_of(guarded).routes).at(method, path)
    assert permission is not None
    assert permission.capability == capability


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
        ("Bearer", "no token was sent"),
        ("Bearer daybook_0011223344556677_nothing", "the token is not known here"),
        ("Bearer a.b.c", "the token is not known here"),
        ("Bearer " + "x" * 9_000, "the token is too long to be one"),
        ("Digest dXNlcjpwYXNz", "no token was sent"),
        ("Basic dXNlcjpwYXNz", "the token is not known here"),
        ("Basic", "no token was sent"),
        ("Basic Og==", "no token was sent"),
        ("Basic dXNlcg==", "what Basic authentication sent cannot be read"),
        ("Basic dXNlcjo=", "Basic authentication sent a user and no password: the token is the password"),
        ("Basic user:token", "what Basic authentication sent cannot be read"),
        ("Basic Oi//", "what Basic authentication sent cannot be read"),
        (basic("x" * 9_000)["Authorization"], "the token is too long to be one"),
    ],
)
def test_what_is_not_let_in(guarded: TestClient, header: str | None, said: str) -> None:
    answer = guarded.get(EVENTS, headers={} if header is None else {"Authorization": header})
    assert (answer.status_code, answer.json()["detail"]) == (401, said)
    # Who sends Bearer is not asked for anything else.
    other = "" if (header or "").startswith("Bearer") else ', Basic realm="daybook", charset="UTF-8"'
    assert answer.headers["WWW-Authenticate"] == f'Bearer realm="daybook"{other}'


@pytest.mark.parametrize("user", ["", "excel", "anne.müller@buying.example"])
def test_a_token_is_the_password_of_basic_authentication_whatever_the_user_is(
    guarded: TestClient, tokens: Tokens, user: str
) -> None:
    made, text = tokens.create("Excel", "recorder")
    assert guarded.post(EVENTS, json=ORGANIZATION, headers=basic(text, user)).status_code == 201
    stored = guarded.get(f"{EVENTS}/1", headers=basic(f"{text}\n", user)).json()
    assert stored["actor"] == f"token:{made.id}"
    tokens.revoke(made.id)
    assert guarded.get(EVENTS, headers=basic(text, user)).json()["detail"] == "the token was revoked"


def test_the_admins_password_may_hold_any_character(daybook: Daybook, settings: Settings) -> None:
    chosen = "a:colon, a späce and another: " + "x" * 32
    with TestClient(application(daybook, settings, Access.of([(chosen, "first")]))) as client:
        assert client.get(EVENTS, headers=basic(chosen, "admin")).status_code == 200
        assert client.get(EVENTS, headers=basic(f"{chosen}x", "admin")).status_code == 401


def test_no_browser_is_asked_for_a_password(guarded: TestClient) -> None:
    for headers in (
        {"Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Mode": "cors"},
        {"Origin": "https://elsewhere.example"},
    ):
        answer = guarded.get(EVENTS, headers=headers)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="daybook"'), headers


def test_what_a_page_has_a_browser_send_is_not_let_in_by_basic(guarded: TestClient, tokens: Tokens) -> None:
    _, text = tokens.create("browser", "recorder")
    for page in ({"Origin": "https://elsewhere.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = guarded.post(EVENTS, json=ORGANIZATION, headers={**basic(text), **page})
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden"), page
        assert guarded.get(EVENTS, headers={**bearer(text), **page}).status_code == 200, page
    assert guarded.get(EVENTS, headers={**basic(text), "Sec-Fetch-Site": "none"}).status_code == 200


def test_a_password_that_is_no_token_is_counted_as_a_refused_token_is(
    daybook: Daybook, settings: Settings, tokens: Tokens
) -> None:
    with limited(daybook, settings, tokens) as client:
        wrong = [client.get(EVENTS, headers=basic(f"daybook_{number:016x}_no")).status_code for number in range(4)]
        assert wrong == [401, 401, 401, 429]
        assert client.get(EVENTS).status_code == 429


def test_the_services_address_says_how_to_sign_in_and_where_the_reference_is(
    guarded: TestClient, tokens: Tokens
) -> None:
    answer = guarded.get("/")
    assert answer.status_code == 401
    for words in ("Authorization: Bearer", "daybook token create", "admin-token", "/docs"):
        assert words in answer.json()["detail"]
    _, text = tokens.create("report", "viewer")
    page = guarded.get("/", headers=bearer(text))
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"


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


#: Who may do what, written out: by method and template, the roles that may. "-": anybody.
READERS, RECORDERS, PROVERS, ADMINS = "viewer recorder auditor admin", "recorder admin", "auditor admin", "admin"
KINDS_AND_SUBJECTS = {
    "exchange-rates": "annotations corrections",
    "orders": "allocations amendments annotations cancellations corrections receipts returns",
    "organizations": "annotations changes corrections",
    "partnerships": "annotations changes corrections endings",
    "products": "annotations changes corrections",
    "regulations": "amendments annotations corrections licence-revocations licences repeals resumptions suspensions",
    "supply-assertions": "annotations corrections",
}
LISTED = ("orders", "organizations", "partnerships", "products", "regulations")
THINGS = ("vendors", "products", "orders", "partnerships", "regulations")
PAGES = (
    *(f"/{page}" for page in ("dependence", "dependence/evidence", "difference", "exposure", "sole-source")),
    *(f"/{kind}{one}" for kind in THINGS for one in ("", "/{identifier}")),
    *("/events", "/events/{position}", "/charts/{name}", "/connect", "/operate"),
)
MATRIX = {
    **{("GET", path): "-" for path in ("/livez", "/readyz", "/version", "/problems/{name}", "/openapi.json")},
    **{("GET", path): "-" for path in ("/docs", "/docs/{name}")},
    **{("GET", path): READERS for path in ("/", *PAGES)},
    **{(method, "/sign-in"): "-" for method in ("GET", "POST")},
    ("POST", "/sign-out"): "-",
    **{(method, "/audit"): PROVERS for method in ("GET", "POST")},
    ("GET", "/assets/{name}"): "-",
    ("GET", "/metrics"): READERS,
    **{
        ("GET", f"{prefix}/log/{name}"): PROVERS
        for prefix in ("", "/api/v1")
        for name in ("checkpoint", "tile/{path:path}", "{path:path}")
    },
    ("GET", "/api/v1/log/consistency"): PROVERS,
    ("GET", "/api/v1/events/{position}/proof"): PROVERS,
    ("GET", "/api/v1/projection/digest"): PROVERS,
    ("GET", "/api/v1/events"): READERS,
    ("GET", "/api/v1/events/stream"): READERS,
    ("GET", "/api/v1/events/{position}"): READERS,
    ("POST", "/api/v1/events"): RECORDERS,
    **{("GET", f"/api/v1/{kind}/{{identifier}}"): READERS for kind in KINDS_AND_SUBJECTS},
    **{("GET", f"/api/v1/{kind}/{{identifier}}/history"): READERS for kind in KINDS_AND_SUBJECTS},
    **{("POST", f"/api/v1/{kind}"): RECORDERS for kind in KINDS_AND_SUBJECTS},
    **{
        ("POST", f"/api/v1/{kind}/{{identifier}}/{subject}"): RECORDERS
        for kind, subjects in KINDS_AND_SUBJECTS.items()
        for subject in subjects.split()
    },
    **{("GET", f"/api/v1/{prefix}{kind}"): READERS for kind in LISTED for prefix in ("", "views/")},
    **{("GET", f"/api/v1/views/{kind}/{{identifier}}"): READERS for kind in LISTED},
    **{("GET", f"/api/v1/views/vendor-dependence{part}"): READERS for part in ("", "/diff", "/evidence", "/series")},
    ("GET", "/api/v1/views/regulatory-exposure"): READERS,
    ("GET", "/api/v1/views/regulatory-exposure/orders"): READERS,
    ("GET", "/api/v1/views/sole-source"): READERS,
    ("GET", "/api/v1/views/order-lines"): READERS,
    ("GET", "/api/v1/views/likely-duplicates"): READERS,
    **{("POST", f"/api/v1/scenarios/{view}"): READERS for view in ("vendor-dependence", "regulatory-exposure")},
    ("GET", "/api/v1/imports"): RECORDERS,
    ("POST", "/api/v1/imports"): RECORDERS,
    ("GET", "/api/v1/imports/{identifier}"): RECORDERS,
    ("DELETE", "/api/v1/imports/{identifier}"): RECORDERS,
    ("GET", "/api/v1/imports/{identifier}/rejects"): RECORDERS,
    ("GET", "/api/v1/mappings"): READERS,
    ("GET", "/api/v1/mappings/{name}"): READERS,
    ("POST", "/api/v1/mapping-suggestions"): RECORDERS,
    ("PUT", "/api/v1/mappings/{name}"): RECORDERS,
    ("DELETE", "/api/v1/mappings/{name}"): RECORDERS,
    ("GET", "/api/v1/webhooks"): ADMINS,
    ("POST", "/api/v1/webhooks"): ADMINS,
    ("GET", "/api/v1/webhooks/{identifier}"): ADMINS,
    ("DELETE", "/api/v1/webhooks/{identifier}"): ADMINS,
    **{
        ("POST", f"/api/v1/webhooks/{{identifier}}/{what}"): ADMINS
        for what in ("pause", "resume", "replay", "rotate-secret", "test")
    },
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


def test_the_matrix_of_roles_and_routes_is_the_one_written_here(guarded: TestClient, tokens: Tokens) -> None:
    assert set(routes(guarded)) == set(MATRIX)
    texts: dict[str, str | None] = {role: tokens.create(role, role)[1] for role in ROLES}
    texts["nobody"] = None
    for template in sorted({template for _, template in MATRIX}):
        path = filled(template)
        for method in METHODS:
            may = MATRIX.get(("GET" if method == "HEAD" else method, template))
            for role, text in texts.items():
                if template == "/api/v1/events/stream" and role != "nobody" and method in ("GET", "HEAD"):
                    continue  # answers for as long as it is listened to
                status = guarded.request(method, path, headers={} if text is None else bearer(text)).status_code
                if may == "-":
                    expected = status not in (401, 403, 404, 405) or template.endswith("{name}")
                elif text is None:
                    expected = status == 401
                elif may is None:
                    expected = status in (404, 405)
                else:
                    expected = (status == 403) == (role not in may.split()) and status not in (401, 405)
                assert expected, (method, path, role, status, may)


def test_a_route_that_does_not_say_who_may_use_it_is_not_served(
    daybook: Daybook, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.add_api_route("/api/v1/secrets", lambda: None)
    with pytest.raises(Undeclared, match="/api/v1/secrets names 0 permissions"):
        Declarations(app.routes)
    router = APIRouter(dependencies=[READ])
    router.add_api_route("/api/v1/secrets", lambda: None, dependencies=[RECORD])
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(router)
    with pytest.raises(Undeclared, match="/api/v1/secrets names 2 permissions"):
        Declarations(app.routes)
    undeclared = APIRouter()
    undeclared.add_api_route("/api/v1/secrets", lambda: None)
    monkeypatch.setattr("service.web.application.ROUTERS", (*ROUTERS, undeclared))
    with pytest.raises(Undeclared, match="/api/v1/secrets"):
        application(daybook, settings, Access())
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.mount("/files", FastAPI())
    with pytest.raises(Undeclared):
        Declarations(app.routes)


@pytest.mark.parametrize(
    "path",
    [
        "//api/v1/events",
        "/api/v1//events",
        "/api/v1/events/",
        "/livez/..;/api/v1/events",
        "/livez/%2e%2e/api/v1/events",
        "/livez%2f..%2fapi/v1/events",
        "/livez/",
        "/livez;/api/v1/webhooks",
        "/docs/%2e%2e/api/v1/webhooks",
        "/problems/%2e%2e/api/v1/webhooks",
        "/LIVEZ",
        "/api/v1/webhooks%2f",
        "/nowhere",
        "/%2e%2e/livez",
    ],
)
def test_paths_that_are_almost_others_are_told_to_nobody_without_a_token(
    guarded: TestClient, tokens: Tokens, path: str
) -> None:
    for headers in ({}, {"Host": "x/livez?"}, {"Host": "x#/livez"}, {"X-Original-URL": "/livez"}):
        answer = guarded.get(path, headers=headers)
        assert answer.status_code in (401, 404), (path, headers)
        assert "checkpoint" not in answer.text
    _, text = tokens.create("report", "viewer")
    assert guarded.get(path, headers=bearer(text)).status_code == 404


def test_a_host_or_a_prefix_does_not_change_what_is_asked(guarded: TestClient) -> None:
    app: Any = guarded.app
    for root_path, path in (("/api", "/api/api/v1/events"), ("/livez", "/livez/api/v1/events"), ("", EVENTS)):
        with TestClient(app, root_path=root_path) as client:
            assert client.get(path, headers={"Host": "x/livez"}).status_code == 401, root_path


def test_a_token_is_sent_in_one_way_only(guarded: TestClient, tokens: Tokens) -> None:
    _, text = tokens.create("report", "viewer")
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert guarded.get(EVENTS, headers={"Authorization": f"{scheme} {text}"}).status_code == 200
    for scheme in ("Basic", "basic", "BASIC"):
        sent = basic(text)["Authorization"].removeprefix("Basic")
        assert guarded.get(EVENTS, headers={"Authorization": scheme + sent}).status_code == 200
    both = [("Authorization", f"Bearer {text}"), *basic(text).items()]
    assert guarded.get(EVENTS, headers=both).status_code == 401
    several = [("Authorization", f"Bearer {text}"), ("Authorization", f"Bearer {text}")]
    for headers, query in ((several, ""), ([], f"?access_token={text}"), (several[:1], f"?access_token={text}")):
        assert guarded.get(f"{EVENTS}{query}", headers=headers).status_code == 401, (headers, query)


@pytest.mark.parametrize(
    "text",
    [
        "daybook_00112233\x004556677_x",
        "daybook_'; drop table access_tokens; --_x",
        "daybook_%_%",
        "daybook_" + "0" * 8_000 + "_x",
        "\xe4\xf6\xfc",
        "...",
        "daybook__",
        "a b",
    ],
)
def test_strange_tokens_are_refused_as_any_other(guarded: TestClient, text: str) -> None:
    answer = guarded.get(EVENTS, headers=[(b"Authorization", f"Bearer {text}".encode("latin-1"))])
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthenticated")


def test_tokens_that_are_invented_displace_none_that_is_remembered(tokens: Tokens) -> None:
    _, text = tokens.create("report", "viewer")
    tokens.admit(text)
    for number in range(MOST_UNKNOWN + 1):
        tokens._remember(f"{number:016x}", None)
    assert tokens.remembered(text) is not None
    assert len(tokens._unknown) <= MOST_UNKNOWN


def limited(daybook: Daybook, settings: Settings, tokens: Tokens, **changed: Any) -> TestClient:
    """A client of a service that takes three requests an hour."""
    own = settings.model_copy(update={"rate_limit": "3/hour", **changed})
    return TestClient(application(daybook, own, Access(tokens=tokens)), client=("192.0.2.1", 50_000))


def test_probes_are_never_too_many(daybook: Daybook, settings: Settings, tokens: Tokens) -> None:
    _, text = tokens.create("prometheus", "viewer")
    with limited(daybook, settings, tokens) as client:
        for _ in range(10):
            assert client.get("/livez").status_code == 200
            assert client.get("/readyz").status_code == 200
            assert client.get("/metrics", headers=bearer(text)).status_code == 200
        answers = [client.get("/openapi.json").status_code for _ in range(4)]
        assert answers == [200, 200, 200, 429]
        assert client.get("/readyz").status_code == 200


def test_refused_tokens_are_counted_by_where_they_come_from(
    daybook: Daybook, settings: Settings, tokens: Tokens, owner: Connection[Any]
) -> None:
    _, text = tokens.create("ERP", "viewer")
    with limited(daybook, settings, tokens) as client:
        assert client.get(EVENTS, headers=bearer(text)).status_code == 200
        wrong = [client.get(EVENTS, headers=bearer(f"daybook_{number:016x}_no")) for number in range(5)]
        assert [answer.status_code for answer in wrong] == [401, 401, 401, 429, 429]
        assert wrong[0].headers["RateLimit-Policy"] == '"address";q=3;w=3600'
        assert 3_500 <= int(wrong[4].headers["Retry-After"]) <= 3_600
        # Neither of the last two was looked up.
        assert len(tokens._unknown) == 3
        assert client.get(EVENTS).status_code == 429
        # Who was let in before is still known.
        assert client.get(EVENTS, headers=bearer(text)).status_code == 200


def test_whoever_has_no_token_is_counted_alone(daybook: Daybook, settings: Settings, tokens: Tokens) -> None:
    proxies = (IPv4Network("192.0.2.0/24"),)

    def asked(client: TestClient, address: str) -> int:
        return client.get("/version2", headers={"X-Forwarded-For": address}).status_code

    with limited(daybook, settings, tokens, trusted_proxies=proxies) as client:
        assert [asked(client, "198.51.100.1") for _ in range(4)] == [401, 401, 401, 429]
        assert asked(client, "198.51.100.2") == 401
        assert asked(client, "198.51.100.1, 198.51.100.3") == 401
        assert asked(client, "198.51.100.3, 198.51.100.1, 192.0.2.9") == 429
    with limited(daybook, settings, tokens) as client:
        statuses = [asked(client, f"198.51.100.{number}") for number in range(4)]
        assert statuses == [401, 401, 401, 429], "nobody is believed who is not named"
