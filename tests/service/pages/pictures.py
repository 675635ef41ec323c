"""Takes pictures of every page: the one in the README, and a sheet of all of them in both themes and at two widths."""

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.service.pages.browser.conftest import CHROMIUM, FLAGS, STORY, address_of
from tests.service.pages.browser.test_story import PAGES

ROOT = Path(__file__).parents[3]
WAYS = [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)]
#: What of a page is in its picture, in pixels from its top.
MOST_HEIGHT = 1_600


def take(browser: Browser, site: str, folder: Path) -> None:
    """The README's picture, a picture of each page, and a page that shows them all."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, base_url=site)
    page = context.new_page()
    page.goto(STORY)
    page.screenshot(path=ROOT / "docs" / "dependence.png")
    context.close()
    rows = []
    for theme, width in WAYS:
        context = browser.new_context(viewport={"width": width, "height": 900}, base_url=site, color_scheme=theme)
        page = context.new_page()
        for number, path in enumerate(PAGES):
            page.goto(path)
            name = f"{theme}-{width}-{number}.png"
            height = page.evaluate("() => document.documentElement.scrollHeight")
            clip = {"x": 0, "y": 0, "width": width, "height": min(MOST_HEIGHT, height)}
            page.screenshot(path=folder / name, clip=clip, full_page=True)  # type: ignore[arg-type]
            rows.append(f'<img src="{name}" title="{theme} {width}: {path}" width="{width // 4}">')
        context.close()
    (folder / "index.html").write_text(f"<!doctype html><title>Daybook</title>{''.join(rows)}", "utf-8")


def main() -> None:
    """Serve a demonstration, and take them."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="daybook-pictures-"))
    folder.mkdir(parents=True, exist_ok=True)
    if CHROMIUM is None:
        sys.exit("there is no chromium: apt install chromium fonts-noto-cjk")
    said = folder / "demo.txt"
    with said.open("w") as output:
        command = [sys.executable, "-m", "service", "demo", "--port", "0"]
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=ROOT)
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                take(browser, address_of(said, process), folder)
                browser.close()
        finally:
            process.terminate()
            process.wait(60)
    said.unlink()
    sys.stdout.write(f"docs/dependence.png, and all pages in {folder / 'index.html'}\n")


if __name__ == "__main__":
    main()
