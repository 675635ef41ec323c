"""The demonstration in a real browser."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[4]
CHROMIUM = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
STORY = "/?buyer=baidu&measure=units&captive=exclude&effective_on=2023-08-31&known_on=2023-11-08"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave these tests out where there is no Chromium, and say so; where one is demanded they fail instead."""
    if CHROMIUM is not None or os.environ.get("DAYBOOK_TEST_BROWSER") == "required":
        return
    here = Path(__file__).parent
    looked_at = [item for item in items if here in item.path.parents]
    items[:] = [item for item in items if here not in item.path.parents]
    config.hook.pytest_deselected(items=looked_at)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a demonstration that is served."""
    said = tmp_path_factory.mktemp("demo") / "said"
    with said.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "demo", "--port", "0"], stdout=output, stderr=output, cwd=ROOT
        )
        try:
            yield address_of(said, process)
        finally:
            process.terminate()
            process.wait(60)


def address_of(said: Path, process: "subprocess.Popen[bytes]") -> str:
    """Where a demonstration is served, once it says so."""
    for _ in range(1_200):
        if found := re.search(r"is served at (http://[\d.:]+)/", said.read_text("utf-8")):
            return found.group(1)
        assert process.poll() is None, said.read_text("utf-8")
        time.sleep(0.1)
    raise AssertionError(said.read_text("utf-8"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser, while these tests run: a loop of its own would stand in the way of others."""
    assert CHROMIUM is not None, "there is no chromium: apt install chromium fonts-noto-cjk"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """A page that fails the test where the browser complains."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=site, timezone_id="Asia/Shanghai")
    opened = context.new_page()
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    yield opened
    assert said == []
    context.close()
