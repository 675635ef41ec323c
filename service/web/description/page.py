"""The interface's reference for people: a page that reads /openapi.json, with everything it needs served from here."""

from importlib import resources

from fastapi import APIRouter
from starlette.responses import Response

from service.web.entry.permissions import OPEN
from service.web.problems import HttpProblem

router = APIRouter(include_in_schema=False, dependencies=[OPEN])

#: The page is the only one that runs scripts, and only those that are served here; the styles within it are the
#: reference's own.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';"
    " font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Daybook: HTTP interface</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="reference"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
START = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
});
"""
#: What the page loads, with its media type; all but the start comes with a package.
ASSETS = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript", "start.js": "text/javascript"}
FOR_A_DAY = {"Cache-Control": "public, max-age=86400"}


@router.get("/docs")
async def reference() -> Response:
    """The page."""
    return Response(PAGE, media_type="text/html", headers={"Content-Security-Policy": POLICY})


@router.get("/docs/{name}")
async def asset(name: str) -> Response:
    """One of the files that the page loads."""
    if name not in ASSETS:
        raise HttpProblem("not-found", f"there is no file {name}")
    if name == "start.js":
        return Response(START, media_type=ASSETS[name], headers=FOR_A_DAY)
    content = resources.files("fastapi_offline").joinpath("static", name).read_bytes()
    return Response(content, media_type=ASSETS[name], headers=FOR_A_DAY)
