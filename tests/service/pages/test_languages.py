"""The words of the pages: all of them in the catalogues, and translated in each."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from jinja2 import nodes

import service.pages
from service.pages.languages import LANGUAGES, chosen_language, language
from service.pages.rendering import environment

FOLDER = Path(service.pages.__file__).parent
CODES = list(LANGUAGES)[1:]
METHODS = [("**.jinja", "jinja2"), ("**.py", "python")]
KEYWORDS = {"_": None, "language": None, "several": (1, 2)}
#: Words that are the same in every language.
ALIKE = {"Daybook", "HHI", "JSON", "OpenAPI", "PNG", "Parquet", "Power", "Python", "Query", "SVG", "curl"}
#: Addresses, which are what they are called.
ALIKE |= {"readyz", "metrics", "version"}


def messages() -> set[str]:
    """Every sentence that templates and code name."""
    found = extract_from_dir(str(FOLDER), METHODS, {"**.jinja": {"silent": "false"}}, KEYWORDS)
    return {one for _, _, message, _, _ in found for one in ([message] if isinstance(message, str) else message)}


@pytest.mark.parametrize("code", CODES)
def test_every_sentence_is_translated(code: str) -> None:
    catalogue = read_po(BytesIO((FOLDER / "messages" / f"{code}.po").read_bytes()))
    translated = {
        one: message.string
        for message in catalogue
        if message.id
        for one in ([message.id] if isinstance(message.id, str) else message.id)
    }
    assert messages() - set(translated) == set()
    assert set(translated) - messages() == set()
    places = re.compile(r"\{\w+\}")
    for sentence, said in translated.items():
        assert said, sentence
        last = said if isinstance(said, str) else said[-1]
        assert sorted(places.findall(sentence)) == sorted(places.findall(last)), sentence


@pytest.mark.parametrize("template", environment().list_templates())
def test_no_words_stand_outside_of_the_catalogues(template: str) -> None:
    source, _, _ = environment().loader.get_source(environment(), template)  # type: ignore[union-attr]
    data = "\0".join(one.data for one in environment().parse(source).find_all(nodes.TemplateData))
    # What stands in <pre> is code.
    data = re.sub(r"<pre[^>]*>.*?</pre>", " ", data, flags=re.DOTALL)
    spoken = re.sub(r"<(script|style|!doctype)[^>]*>|<[^>]*>|&\w+;|&#\d+;", " ", data, flags=re.DOTALL)
    spoken = re.sub(r"<[^<>]*\0|\0[^<>]*>", " ", spoken)
    # What is left of a tag that a placeholder divides is attributes.
    words = set(re.findall(r"[A-Za-z]{3,}", re.sub(r'[\w-]+="[^"]*"?|"[^"]*"', " ", spoken)))
    assert words - ALIKE <= MARKUP, words - ALIKE - MARKUP


#: Names of attributes and elements, which are left over where a placeholder stands in a tag.
MARKUP = frozenset(("data", "whole", "drawer", "required", "hidden", "checked", "selected", "path", "class", "href"))


def test_the_language_is_that_of_the_address_then_of_the_cookie_then_of_the_browser() -> None:
    assert chosen_language("zh", "en", "en") == "zh"
    assert chosen_language("xx", "zh", "en") == "zh"
    assert chosen_language(None, None, "de, zh-CN;q=0.8, en;q=0.5") == "zh"
    assert chosen_language(None, None, "fr;q=x, en;q=0.1, zh;q=0.05") == "en"
    assert chosen_language(None, None, "") == "en"


def test_a_name_is_the_one_in_the_readers_language() -> None:
    names = {"zh": "华为"}
    assert language("zh").name_of(names, "Huawei", "huawei") == "华为"
    assert language("en").name_of(names, "Huawei", "huawei") == "Huawei"
    assert language("en").name_of(None, None, "huawei") == "huawei"
