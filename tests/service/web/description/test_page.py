"""The page that shows the interface to people: whole, and from this service alone."""

import re

from starlette.testclient import TestClient


def test_the_page_needs_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs", headers={"Authorization": ""})
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert "'self'" in page.headers["Content-Security-Policy"]
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert [one for one in loaded if one != "data:,"] == [
        "/docs/swagger-ui.css",
        "/docs/swagger-ui-bundle.js",
        "/docs/start.js",
    ]
    for path in loaded[1:]:
        asset = client.get(path, headers={"Authorization": ""})
        assert asset.status_code == 200, path
        assert len(asset.content) > 100, path
    assert '"/openapi.json"' in client.get("/docs/start.js").text


def test_no_other_file_is_served(client: TestClient) -> None:
    for name in ("redoc.standalone.js", "..%2fcore.py", "%2e%2e%2f__init__.py", "nothing"):
        assert client.get(f"/docs/{name}").status_code == 404, name
