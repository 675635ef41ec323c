"""The pages over HTTP: what they say, to whom, and what they say when something is wrong."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from xml.etree import ElementTree

import httpx2 as httpx
import pytest
from starlette.testclient import TestClient

from service.asking.planes import MOST_LINES
from service.cli.seed import record_seed
from service.daybook import Daybook
from service.pages.figures import NARROW, ReadableFigures
from service.pages.walk import STEPS, href
from service.settings import Settings
from service.storing.tokens import Tokens
from service.web.application import application
from service.web.entry.access import Access
from tests.service.web.conftest import EVENTS, SEED

STORY = {
    "buyer": "baidu",
    "measure": "units",
    "captive": "exclude",
    "effective_on": "2023-08-31",
    "known_on": "2023-11-08",
}
VIEWS = ["/", "/dependence", "/dependence/evidence?key=huawei", "/difference", "/exposure"]
REGISTERS = ["/vendors", "/products", "/orders", "/partnerships", "/regulations"]
THINGS = [
    "/vendors/huawei",
    "/products/nv-a800",
    "/orders/cn4-nvidia-2023",
    "/partnerships/baidu-huawei-ai",
    "/regulations/us-3a090",
]
MOMENT = {"effective_on": "2023-12-31", "known_on": "2024-01-31"}
#: Every page, with what it is asked.
PAGES: list[tuple[str, dict[str, str]]] = [
    *((page, STORY) for page in VIEWS),
    ("/sole-source", {"threshold": "4800", **MOMENT}),
    *((page, MOMENT) for page in (*REGISTERS, *THINGS)),
    ("/events", {}),
    ("/events", {"before": "7"}),
    ("/events/44", {}),
    ("/connect", {}),
    ("/operate", {}),
    ("/dependence", {"buyer": "baidu", "walk": "1"}),
]
HTML = {"Accept": "text/html"}
VOID = frozenset(("br", "hr", "img", "input", "link", "meta", "path", "rect", "circle"))


class Elements(HTMLParser):
    """Reads a page, and refuses one that is not well formed or does what the policy forbids."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            assert not name.startswith(("style", "on")), (tag, name)
            if name in ("href", "src", "action"):
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        # A list item or a paragraph may end with what holds it; ours do not leave that to the browser.
        assert self.open[-1:] == [tag], self.open[-3:]
        self.open.pop()


def read(text: str) -> Elements:
    """The elements of a page."""
    found = Elements()
    found.feed(text)
    assert found.open == []
    assert len(found.ids) == len(set(found.ids)), found.ids
    return found


def test_every_page_is_well_formed_and_within_its_policy(reader: TestClient) -> None:
    for page, asked in PAGES:
        for lang in ("en", "zh"):
            _look_at(reader, page, asked, lang)
    # The choice of a language is kept in a cookie.
    reader.cookies.clear()


def _look_at(reader: TestClient, page: str, asked: dict[str, str], lang: str) -> None:
    path, _, query = page.partition("?")
    own = dict(one.split("=") for one in query.split("&") if one)
    answer = reader.get(path, params={**asked, **own, "lang": lang}, headers=HTML)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "trusted-types daybook" in answer.headers["content-security-policy"]
    assert f'<html lang="{lang}"' in answer.text
    found = read(answer.text)
    assert all(link.startswith(("/", "#", "?")) and not link.startswith("//") for link in found.links), found.links


def test_every_figure_is_that_of_the_view(reader: TestClient) -> None:
    answer = reader.get("/api/v1/views/vendor-dependence", params=STORY).json()
    page = reader.get("/", params=STORY, headers=HTML).text
    figures = ReadableFigures("en")
    body = page.split("<tbody>")[1].split("</tbody>")[0]
    for row in answer["rows"]:
        assert f">{figures.share(row['share'])}</a>" in body
        assert f'aria-label="{figures.bounds(row["share_low"], row["share_high"])}"' in body
        assert figures.amount(row["value"]) in body
        assert row["first_effective_on"] in body
    tiles = page.split('class="tiles"')[1].split("</dl>")[0]
    metrics = answer["metrics"]
    assert (
        f"<dd>{figures.amount(metrics['hhi'])}<small>{figures.within(metrics['hhi_low'], metrics['hhi_high'])}" in tiles
    )
    assert f"<dd>{figures.share(metrics['domestic_share'])}<" in tiles
    assert f"<strong>{figures.share(answer['rows'][0]['share'])}</strong>" in page.split("</h1>")[0]


def test_the_exposure_and_the_difference_are_those_of_the_views(reader: TestClient) -> None:
    figures = ReadableFigures("en")
    asked = {"buyer": "baidu", "effective_on": "2023-12-31", "status": "ordered"}
    answer = reader.get("/api/v1/views/regulatory-exposure", params=asked).json()
    page = reader.get("/exposure", params=asked, headers=HTML).text
    for name in ("at_risk", "at_risk_undetermined"):
        assert f"<strong>{figures.share(answer[name])}</strong>" in page.split("</h1>")[0]
    lines = reader.get("/api/v1/views/regulatory-exposure/orders", params=asked).json()["rows"]
    for line in lines:
        named = f"/orders/{line['order_id']}" if line["order_id"] else line["assertion_id"]
        assert named in page
    asked = {"buyer": "baidu", "measure": "units", "captive": "exclude", "effective_on": "2023-08-31"}
    both = {**asked, "known_on": ["2023-10-31", "2023-11-08"]}
    answer = reader.get("/api/v1/views/vendor-dependence/diff", params=both).json()
    form = {**asked, "clock": "known_on", "before": "2023-10-31", "after": "2023-11-08"}
    page = reader.get("/difference", params=form, headers=HTML).text
    assert f"changed by {figures.signed(answer['total']['difference'])} units." in page
    assert reader.get("/difference", params=both, headers=HTML).text.split("</h1>")[1] == page.split("</h1>")[1]
    assert 'href="/events/44"' in page


def test_events_are_listed_newest_first_page_by_page(reader: TestClient) -> None:
    def positions(**asked: str) -> list[int]:
        page = reader.get("/events", params=asked, headers=HTML).text
        return [int(one) for one in re.findall(r'href="/events/(\d+)"', page)]

    head = int(reader.get("/readyz").json()["head"])
    assert positions() == list(range(head, head - 50, -1))
    assert positions(before=str(head - 49)) == list(range(head - 50, 0, -1))
    assert reader.get("/events/0", headers=HTML).status_code == 404
    assert reader.get("/events/999999", headers=HTML).status_code == 404
    assert reader.get("/orders/nothing", headers=HTML).status_code == 404


def test_charts_are_files_that_need_nothing_else(reader: TestClient) -> None:
    for name in ("shares", "concentration", "plane"):
        for theme, paper in (("light", "#FBFAF7"), ("dark", "#0F1418")):
            answer = reader.get(f"/charts/{name}.svg", params={**STORY, "theme": theme}, headers=HTML)
            assert answer.status_code == 200, answer.text
            drawn = ElementTree.fromstring(answer.content)
            assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
            assert paper in answer.text
            assert "var(--" not in answer.text
            assert "href" not in answer.text
    reader.cookies.clear()
    image = reader.get("/charts/shares.png", params=STORY)
    assert image.content.startswith(b"\x89PNG")
    assert image.headers["content-type"] == "image/png"
    assert reader.get("/charts/treemap.svg", params=STORY).status_code == 404


def test_every_step_of_the_walk_is_a_page_that_says_what_it_shows(reader: TestClient) -> None:
    for number in range(1, len(STEPS) + 1):
        answer = reader.get(href(number), headers=HTML)
        assert answer.status_code == 200, answer.text
        assert f"<strong>{number}/{len(STEPS)}</strong>" in answer.text
        assert (f"walk={number + 1}" in answer.text) == (number < len(STEPS))


def test_a_checkpoint_that_was_kept_is_compared_with_the_ledger_of_today(guarded: TestClient, daybook: Daybook) -> None:
    record_seed(daybook)
    _, token = Tokens(daybook.ledger.recorder.datastore).create("auditor", "auditor")
    assert sign_in(guarded, token).status_code == 303
    daybook.log.proof(56, patience_s=10)
    kept = daybook.log.checkpoint()
    page = guarded.get("/audit", headers=HTML).text
    assert "The last checkpoint covers 56 of 56 events." in page
    root = kept.splitlines()[2]
    other = kept.replace(root, "A" * 43 + "=")
    for note, words in (
        (kept, "The ledger of today begins with the 56 events of the checkpoint."),
        (kept.replace("\n", "\r\n"), "The ledger of today begins with the 56 events of the checkpoint."),
        (other, "The first 56 events are not those of the checkpoint"),
        (kept.replace("\n56\n", "\n57\n"), "It covers 57 events, and the ledger has 56: something is gone."),
        ("nothing", "This is no checkpoint"),
    ):
        answer = guarded.post("/audit", data={"note": note}, headers=OWN)
        assert answer.status_code == 200
        assert words in answer.text
    assert guarded.post("/audit", data={"note": kept}, headers={"Origin": "https://x.example"}).status_code in (
        401,
        403,
    )


def test_a_script_gets_the_part_that_it_swaps(reader: TestClient) -> None:
    whole = reader.get("/", params=STORY, headers=HTML)
    part = reader.get("/", params=STORY, headers={**HTML, "Daybook-Fragment": "main"})
    assert "<html" not in part.text
    assert part.text.strip() in whole.text
    assert "Daybook-Fragment" in part.headers["vary"]


def test_the_sentence_leads_with_the_range_where_it_is_wide(reader: TestClient) -> None:
    def claim(**asked: str) -> str:
        page = reader.get("/", params={**STORY, **asked}, headers=HTML).text
        return re.sub(r"<[^>]+>", "", page.split('id="claim">')[1].split("</h1>")[0])

    known = "On 2023-08-31, by what was known on 2023-10-31, Baidu, Inc. depended on NVIDIA Corporation for "
    assert claim(known_on="2023-10-31") == f"{known}100.0\u00a0% of the units ordered."
    assert (
        "for between 0.0\u00a0% and 95.3\u00a0% of the money spent on orders; 95.3\u00a0% where quantified."
        in claim(measure="spend", captive="include")
    )
    assert claim(effective_on="2001-01-01", known_on="2001-01-01").endswith("no order of Baidu, Inc. is there.")


WRONG: list[tuple[dict[str, str], int, str | None]] = [
    ({"buyer": "nobody"}, 422, "buyer"),
    ({"effective_on": "2023-02-30"}, 422, "effective_on"),
    ({"known_on": "yesterday"}, 422, "known_on"),
    ({"measure": "<script>alert(1)</script>"}, 422, "measure"),
    ({"position": "999999"}, 400, None),
    ({"from": "2024-01-01", "to": "2023-01-01"}, 422, "from"),
    ({"colour": "blue"}, 422, "colour"),
]


def test_what_is_wrong_stands_at_the_field_and_the_way_on_is_offered(reader: TestClient) -> None:
    for asked, status, field in WRONG:
        answer = reader.get("/", params=asked, headers=HTML)
        assert answer.status_code == status, answer.text
        found = read(answer.text)
        assert "/dependence" in found.links
        assert "<script>alert" not in answer.text
        if field is not None:
            assert re.search(rf'name="{field}"[^>]*aria-invalid="true"', answer.text), asked


def test_whoever_reads_no_pages_gets_the_problem_as_ever(reader: TestClient) -> None:
    answer = reader.get("/", params={"buyer": "nobody"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_files_of_the_pages_are_kept_for_ever_under_their_own_names(client: TestClient) -> None:
    page = client.get("/sign-in", headers=HTML).text
    for link in re.findall(r'(?:href|src)="(/assets/[^"]+)"', page):
        answer = client.get(link)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert client.get("/assets/daybook-000000000000.css").status_code == 404


HOSTILE = ["<img src=x onerror=alert(1)>", "\u202eorohC\u202c", "N" * 200, "🐉 & Söhne {buyer} %s", "\u200b"]


def test_names_of_any_kind_break_no_page(client: TestClient) -> None:
    lines = []
    for place, name in enumerate(HOSTILE):
        identifier = f"vendor-{place}"
        organization = {"organization_id": identifier, "name": name, "country": "CN"}
        order = {
            "order_id": f"o-{place}",
            "buyers": ["buyer"],
            "vendor_id": identifier,
            "currency": "USD",
            "lines": [{"line": "1", "product_id": "chip", "quantity": "1", "amount": "5"}],
        }
        lines += [("organization-registered", organization), ("order-placed", order)]
    buyer = {"organization_id": "buyer", "name": HOSTILE[0], "country": "CN"}
    chip = {"product_id": "chip", "name": HOSTILE[0], "vendor_id": None, "category": "x"}
    events = [
        {"id": f"e-{place}", "type": kind, "effective_on": "2024-01-01", "known_on": "2024-01-01", "data": data}
        for place, (kind, data) in enumerate([("organization-registered", buyer), ("product-registered", chip), *lines])
    ]
    recorded = client.post(EVENTS, json=events)
    assert recorded.status_code == 201, recorded.text
    for page in ("/?buyer=buyer", "/", "/dependence/evidence?key=vendor-0"):
        answer = client.get(page, headers=HTML)
        assert answer.status_code == 200, answer.text
        read(answer.text)
        assert "<img" not in answer.text


def test_of_many_lines_a_page_looks_by_steps_and_works_a_plane_out_when_asked(client: TestClient) -> None:
    acme = {"organization_id": "acme", "name": "Acme", "country": "DE"}
    chip = {"product_id": "chip", "name": "Chip", "vendor_id": "acme", "category": "x"}
    lines = [{"line": str(one), "product_id": "chip", "quantity": "1", "amount": "5"} for one in range(MOST_LINES + 1)]
    order = {"order_id": "po-1", "buyers": ["acme"], "vendor_id": "acme", "currency": "USD", "lines": lines}
    facts = [("organization-registered", acme), ("product-registered", chip), ("order-placed", order)]
    events = [
        {"id": f"e-{place}", "type": kind, "effective_on": "2023-05-01", "known_on": "2023-06-01", "data": data}
        for place, (kind, data) in enumerate(facts)
    ]
    assert client.post(EVENTS, json=events).status_code == 201
    asked = {"effective_on": "2024-01-01", "known_on": "2024-01-01", "captive": "include"}
    page = client.get("/", params=asked, headers=HTML)
    assert page.status_code == 200, page.text
    read(page.text)
    assert 'class="plane"' not in page.text
    assert "Work it out for Acme" in page.text
    assert f"100.0{NARROW}%</strong>" in page.text
    worked_out = client.get("/", params={**asked, "vendor": "acme"}, headers=HTML)
    assert 'class="plane"' in worked_out.text
    assert client.get("/charts/plane.svg", params=asked).status_code == 404
    assert client.get("/charts/plane.svg", params={**asked, "vendor": "acme"}).status_code == 200


def test_an_empty_ledger_says_so_and_what_to_do_next(client: TestClient) -> None:
    answer = client.get("/", headers=HTML)
    assert answer.status_code == 200, answer.text
    read(answer.text)
    assert "no order is there in the whole market." in answer.text


# Signing in


@pytest.fixture
def guarded(daybook: Daybook, settings: Settings) -> Iterator[TestClient]:
    """A service that knows the tokens of its ledger alone, as a browser on this machine sees it."""
    app = application(daybook, settings, Access(tokens=Tokens(daybook.ledger.recorder.datastore)))
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as opened:
        yield opened


OWN = {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin", **HTML}


def sign_in(client: TestClient, token: str, where: str = "/") -> httpx.Response:
    """Send the form."""
    return client.post("/sign-in", data={"token": token, "next": where}, headers=OWN)


def test_a_browser_signs_in_reads_and_signs_out(guarded: TestClient, daybook: Daybook) -> None:
    _, token = Tokens(daybook.ledger.recorder.datastore).create("reader", "viewer")
    sent_on = guarded.get("/?measure=units", headers=HTML)
    assert (sent_on.status_code, sent_on.headers["location"]) == (303, "/sign-in?next=%2F%3Fmeasure%3Dunits")
    answer = sign_in(guarded, token, "/?measure=units")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?measure=units")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert guarded.get("/", headers=HTML).status_code == 200
    assert guarded.get("/api/v1/views/vendor-dependence").status_code == 200
    assert guarded.post("/sign-out", headers=OWN).status_code == 303
    assert guarded.get("/", headers=HTML).status_code == 303


def test_a_session_ends_with_its_token(guarded: TestClient, daybook: Daybook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.storing.tokens.TRUSTED_S", 0.0)
    tokens = Tokens(daybook.ledger.recorder.datastore)
    made, token = tokens.create("reader", "viewer")
    assert sign_in(guarded, token).status_code == 303
    tokens.revoke(made.id)
    assert guarded.get("/", headers=HTML).status_code == 303
    assert guarded.get("/api/v1/events").status_code == 401


def test_a_wrong_token_is_refused_in_the_form(guarded: TestClient) -> None:
    answer = sign_in(guarded, "daybook_0000000000000000_nothing")
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert 'aria-invalid="true"' in answer.text
    assert "daybook_0000" not in answer.text


def test_nobody_is_sent_to_another_site(guarded: TestClient, daybook: Daybook) -> None:
    _, token = Tokens(daybook.ledger.recorder.datastore).create("reader", "viewer")
    for where in ("https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "x"):
        assert sign_in(guarded, token, where).headers["location"] == "/", where


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1"},
    {"Origin": "https://elsewhere.example"},
    {"Origin": "null"},
    {},
]


def test_a_session_records_nothing_for_pages_of_other_sites(guarded: TestClient, daybook: Daybook) -> None:
    _, token = Tokens(daybook.ledger.recorder.datastore).create("writer", "recorder")
    assert sign_in(guarded, token).status_code == 303
    body = {"Content-Type": "application/x-ndjson"}
    for headers in FOREIGN:
        assert guarded.post(EVENTS, content=SEED, headers={**headers, **body}).status_code == 401, headers
    own = guarded.post(EVENTS, content=SEED, headers={**OWN, **body})
    assert own.status_code == 201, own.text


def test_elsewhere_than_on_this_machine_the_cookie_is_for_tls_and_this_host_alone(
    daybook: Daybook, settings: Settings
) -> None:
    _, token = Tokens(daybook.ledger.recorder.datastore).create("reader", "viewer")
    app = application(daybook, settings, Access(tokens=Tokens(daybook.ledger.recorder.datastore)))
    with TestClient(app, base_url="https://daybook.example", follow_redirects=False) as client:
        own = {"Origin": "https://daybook.example", "Sec-Fetch-Site": "same-origin", **HTML}
        answer = client.post("/sign-in", data={"token": token}, headers=own)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-daybook=")
        assert "Secure" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie
        # The name for this machine is not taken there: a page on plain HTTP could have set it.
        client.cookies.clear()
        client.cookies.set("daybook-local", token)
        assert client.get("/", headers=HTML).status_code == 303
