"""Rules of instruments in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from service.pages.languages import Language

#: Conditions that are nested deeper are shown as they are recorded.
DEEPEST = 6


def rule_in_words(rule: Mapping[str, Any], language: Language) -> str:
    """What one rule asks, of whom and of what."""
    effects = {
        "prohibited": language("prohibited"),
        "licence-required": language("a licence is required"),
        "notification": language("it is to be notified"),
        "advisory": language("advice"),
    }
    parts = [effects.get(rule["effect"], rule["effect"])]
    for name, words in (
        ("buyers", language("for buyers {names}")),
        ("destinations", language("for destinations {names}")),
        ("vendors", language("from vendors {names}")),
        ("vendor_countries", language("from vendors in {names}")),
        ("categories", language("for {names}")),
        ("products", language("for products {names}")),
    ):
        if rule.get(name):
            parts.append(words.format(names=", ".join(map(str, rule[name]))))
    if rule.get("when"):
        parts.append(language("where {condition}").format(condition=condition_in_words(rule["when"], language)))
    return language("; ").join(parts)


def condition_in_words(condition: Mapping[str, Any], language: Language, depth: int = 0) -> str:
    """A condition on attributes."""
    if depth > DEEPEST:
        return "…"
    for name, between in (("all", language(" and ")), ("any", language(" or "))):
        if name in condition:
            parts: Sequence[Mapping[str, Any]] = condition[name]
            said = between.join(condition_in_words(one, language, depth + 1) for one in parts)
            return f"({said})" if depth and len(parts) > 1 else said
    if "not" in condition:
        return language("not {condition}").format(condition=condition_in_words(condition["not"], language, depth + 1))
    return f"{condition.get('attribute')} {condition.get('op')} {_plain(condition.get('value'))}"


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
