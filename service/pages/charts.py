"""Charts as files: the drawing of a page as an SVG that stands alone, or as a PNG."""

import re
from functools import cache
from typing import Any

import resvg_py

from service.pages.assets import content_of
from service.pages.languages import Language
from service.pages.rendering import render

#: By name, the template of a chart.
TEMPLATES = {"shares": "lanes.svg.jinja", "concentration": "concentration.svg.jinja", "plane": "plane.svg.jinja"}
FONTS = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif"
#: Pixels of a PNG for one of the drawing.
ZOOM = 2.0


def chart(name: str, model: dict[str, Any], theme: str, language: Language) -> str:
    """A chart of the page of dependence that needs no page: it brings its own styles and background."""
    drawn = {"shares": "lanes", "concentration": "concentration"}.get(name)
    own = {**model, "chart": model[drawn][0]} if drawn else model
    svg = render(TEMPLATES[name], language, own)
    svg = svg[svg.index("<svg") : svg.index("</svg>") + len("</svg>")]
    # A file leads nowhere.
    svg = re.sub(r"</?a(?: [^<>]*)?>", "", svg)
    tokens = _tokens(theme)
    width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups()  # type: ignore[union-attr]
    opening, _, rest = svg.partition(">")
    if " width=" not in opening:
        opening += f' width="{width}" height="{height}"'
    ground = f'<rect width="{width}" height="{height}" fill="{tokens["paper"]}" class="ground"/>'
    return f'{opening} xmlns="http://www.w3.org/2000/svg"><style>{_styles(theme)}</style>{ground}{rest}'


def png(svg: str) -> bytes:
    """An SVG as an image."""
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=ZOOM))


@cache
def _tokens(theme: str) -> dict[str, str]:
    """The colours of a theme, as the pages' own styles have them."""
    styles = content_of("daybook.css").decode()
    start = styles.index(':root[data-theme="dark"]') if theme == "dark" else styles.index(":root")
    return dict(re.findall(r"--([a-z]+[0-9]?): (#[0-9A-F]{6});", styles[start : styles.index("}", start)]))


@cache
def _styles(theme: str) -> str:
    """The styles of charts, which stand between two marks, with colours instead of names."""
    tokens = _tokens(theme)
    styles = content_of("daybook.css").decode()
    own = styles.split("/* charts */")[1].split("/* end of charts */")[0]
    own = re.sub(r"var\(--([a-z]+[0-9]?)\)", lambda found: tokens[found.group(1)], own)
    return f"svg{{font-family:{FONTS}}}{own}"
