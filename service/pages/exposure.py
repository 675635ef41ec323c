"""Exposure: how much of what was bought is barred, by which rules, and the orders behind it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from service.pages.addresses import Address
from service.pages.bars import PageSources, bar, ledger_days, resolved_days
from service.pages.languages import Language
from service.pages.rendering import marked
from service.pages.rules import rule_in_words

#: Order lines that the page shows; files have all of them.
MOST_LINES = 50


def exposure(asking: PageSources, address: Address, language: Language) -> dict[str, Any]:
    """Everything that the template shows. Raises what the views raise."""
    asked = {"status": ["ordered"], **address.asked}
    answer = asking.questions.regulatory_exposure(asked)
    resolved = answer["resolved"]
    position = resolved["position"]
    pinned = {**asked, "position": [str(position)], "limit": [str(MOST_LINES)]}
    pinned.pop("recorded_at", None)
    lines = asking.questions.exposed_lines(pinned)
    traders = asking.questions.traders(position)
    known = {one["organization_id"]: one for one in traders}

    def name_of(identifier: str | None) -> str:
        one: Mapping[str, Any] = known.get(identifier or "", {})
        return language.name_of(one.get("names"), one.get("name"), identifier or language("not stated"))

    span = ledger_days(asking, position, *resolved_days(resolved))
    shown = Address(address.path, asked, address.shown)
    return {
        **bar(shown, answer, span, traders, ("buyer", "measure", "status", "captive", "judged"), language),
        "claim": claim(answer, language, name_of),
        "lines": lines["rows"],
        "lines_are_cut": lines["next_cursor"] is not None,
        "name_of": name_of,
        "parts": parts_of(answer),
        "position": str(position),
        "rules": {
            one["regulation_id"]: [rule_in_words(rule, language) for rule in one["rules"]]
            for one in answer["instruments"]
        },
        "titles": {one["regulation_id"]: one["title"] or one["regulation_id"] for one in answer["instruments"]},
    }


def parts_of(answer: Mapping[str, Any]) -> list[tuple[str, Decimal, float]]:
    """What is barred, undetermined and free of the total, each with its part of a bar; where all have figures."""
    total = answer["total"]["value"]
    if total is None or Decimal(total) == 0:
        return []
    barred, undetermined = (
        sum((Decimal(row[name]["value"] or 0) for row in answer["rows"]), Decimal(0))
        for name in ("barred", "undetermined")
    )
    whole = Decimal(total)
    found = (("barred", barred), ("undetermined", undetermined), ("free", whole - barred - undetermined))
    return [(name, value, float(value / whole)) for name, value in found]


def claim(answer: Mapping[str, Any], language: Language, name_of: Any) -> Markup:
    """The one sentence that the page says."""
    resolved, asked, figures = answer["resolved"], answer["parameters"], language.figures
    parts: dict[str, Any] = {
        "effective_on": Markup('<time class="effective">{}</time>').format(resolved["effective_on"]),
        "known_on": Markup('<time class="known">{}</time>').format(resolved["known_on"] or language("today")),
        "buyer": ", ".join(map(name_of, asked["buyer"][:3])) or language("the whole market"),
        "share": Markup("<strong>{}</strong>").format(figures.share(answer["at_risk"])),
        "low": Markup("<strong>{}</strong>").format(figures.share_down(answer["at_risk_low"])),
        "high": Markup("<strong>{}</strong>").format(figures.share_up(answer["at_risk_high"])),
        "open": Markup("<strong>{}</strong>").format(figures.share(answer["at_risk_undetermined"])),
    }
    if not answer["rows"]:
        said = language("On {effective_on}, as known on {known_on}, no order of {buyer} is there.")
    elif answer["at_risk"] is None:
        said = language(
            "On {effective_on}, as known on {known_on}, between {low} and {high} of what {buyer} bought was barred."
        )
    elif asked["judged"] == "placed":
        said = language(
            "Of what {buyer} bought by {effective_on}, {share} was barred when it was placed, as known on {known_on};"
            " of {open} nobody can say."
        )
    else:
        said = language(
            "On {effective_on}, as known on {known_on}, {share} of what {buyer} bought was barred;"
            " of {open} nobody can say."
        )
    return marked(said, **parts)
