"""The story of the demonstration, as somebody sees it who opens the page."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from tests.service.pages.browser.conftest import STORY

WHEN = "On 2023-08-31, by what was known on"
#: Every page that there is.
MOMENT = "?effective_on=2023-12-31&known_on=2024-01-31"
PAGES = [
    STORY,
    "/",
    f"/dependence/evidence{STORY[1:]}&key=huawei",
    "/difference?buyer=baidu&measure=units&effective_on=2023-08-31&known_on=2023-10-31&known_on=2023-11-08",
    f"/exposure{MOMENT}&buyer=baidu",
    f"/sole-source{MOMENT}&threshold=4800",
    f"/vendors{MOMENT}",
    f"/orders/cn4-nvidia-2023{MOMENT}",
    f"/regulations/us-3a090{MOMENT}",
    "/events",
    "/events/44",
    "/audit",
    "/connect",
    "/operate",
    "/dependence?buyer=baidu&measure=units&effective_on=2020-12-31&known_on=2020-12-31&walk=1",
    "/sign-in",
    "/?buyer=nobody",
]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def test_moving_the_clock_of_knowing_takes_the_order_out_of_august(page: Page) -> None:
    page.goto(STORY)
    claim = page.locator("#claim")
    expect(claim).to_have_text(
        f"{WHEN} 2023-11-08, Baidu, Inc. depended on NVIDIA Corporation for 94.0\u00a0% of the units ordered."
    )
    page.focus(".known input[type=range]")
    page.keyboard.press("ArrowLeft")
    expect(claim).to_contain_text("2023-11-07, Baidu, Inc. depended on NVIDIA Corporation for 94.0")
    page.keyboard.press("ArrowLeft")
    expect(claim).to_contain_text("depended on NVIDIA Corporation for 100.0\u00a0%")
    assert "known_on=2023-11-07" not in page.url
    assert "effective_on=2023-08-31" in page.url
    page.keyboard.press("ArrowRight")
    expect(claim).to_contain_text("94.0")
    page.reload()
    expect(claim).to_contain_text("94.0")


def test_keys_step_to_the_changes_and_the_way_back_is_open(page: Page) -> None:
    page.goto(STORY)
    page.keyboard.press("[")
    expect(page.locator("#claim")).not_to_contain_text("On 2023-08-31")
    page.keyboard.press("]")
    expect(page.locator("#claim")).to_contain_text("On 2023-08-31")
    page.select_option("select[name=measure]", "capacity")
    expect(page.locator("#claim")).to_contain_text("of the capacity ordered")
    page.go_back()
    expect(page.locator("#claim")).to_contain_text("of the units ordered")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")


def test_three_clicks_lead_from_a_share_to_the_quote_and_its_proof(page: Page) -> None:
    page.goto(STORY)
    page.get_by_role("link", name="6.0\u00a0%", exact=True).click()
    drawer = page.locator("#drawer")
    expect(drawer).to_contain_text("ordered 1,600 of Huawei Technologies' 910B Ascend AI chips")
    drawer.get_by_role("button", name="Check the proof in this browser").click()
    expect(drawer.locator(".proof.good")).to_contain_text("leaf 44 of 56, 6 hashes")


def test_a_proof_of_other_bytes_does_not_hold(page: Page) -> None:
    def tamper(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.body().replace(b"1600", b"1601"))

    page.route("**/api/v1/events/44", tamper)
    page.goto(STORY)
    page.get_by_role("link", name="6.0\u00a0%", exact=True).click()
    page.get_by_role("button", name="Check the proof in this browser").click()
    expect(page.locator(".proof.bad")).to_contain_text("the proof of leaf 44 does not hold")


def test_everything_can_be_done_without_scripts(browser: Browser, site: str) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=site, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(STORY)
    for _ in range(2):
        page.locator("[data-clock=known_on] a[data-step=before]").click()
    expect(page.locator("#claim")).to_contain_text("100.0")
    page.fill("#known_on", "2023-11-08")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("#claim")).to_contain_text("94.0")
    page.get_by_role("link", name="6.0\u00a0%", exact=True).click()
    expect(page.locator("main")).to_contain_text("approximately 450 million yuan")
    context.close()


@pytest.mark.parametrize(("theme", "lang", "width"), [("light", "en", 1280), ("dark", "zh", 390)])
def test_nothing_keeps_anybody_out(browser: Browser, site: str, theme: str, lang: str, width: int) -> None:
    context = browser.new_context(color_scheme=theme, base_url=site, bypass_csp=True, locale=lang)  # type: ignore[arg-type]
    page = context.new_page()
    for path in PAGES:
        for across in (1280, 390):
            page.set_viewport_size({"width": across, "height": 900})
            page.goto(path)
            assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), (path, across)
        page.set_viewport_size({"width": width, "height": 900})
        found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}})
        faults = [(one["id"], one["nodes"][0]["html"]) for one in found.response["violations"]]
        assert faults == [], (path, width)
    context.close()


def test_the_story_is_printed_on_two_sheets_at_most(page: Page) -> None:
    page.goto(STORY)
    printed = page.pdf(format="A4", print_background=True)
    assert 1 <= printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") <= 2
