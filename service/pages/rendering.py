"""Templates, and what all of them may use."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from service.pages.assets import address_of
from service.pages.languages import LANGUAGES, Language


@cache
def environment() -> Environment:
    """The one environment of all templates: everything is escaped, and a name that is missing is a fault."""
    made = Environment(
        loader=PackageLoader("service.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(asset=address_of, languages=LANGUAGES, marked=marked)
    return made


def marked(sentence: str, **parts: Any) -> Markup:
    """A sentence with named places, `{like_this}`, filled in: what is no markup is escaped."""
    # Sentences are ours; what they name is escaped here.
    return Markup(sentence).format(**parts)  # noqa: S704


def render(template: str, language: Language, model: Mapping[str, Any]) -> str:
    """A page, or a part of one."""
    return environment().get_template(template).render(**model, _=language, language=language, figures=language.figures)
