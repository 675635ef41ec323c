"""The first page: on whom somebody depends, as of a day, by what was known on another."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from markupsafe import Markup

from service.asking.questions import some_of
from service.pages.addresses import Address
from service.pages.bars import PageSources, ShownDays, buyers_in, clocks_of
from service.pages.lanes import MOST_LANES, NARROW, WIDE, DrawnSeries, concentration_chart, lanes_chart, whisker
from service.pages.languages import Language
from service.pages.planes import plane_chart
from service.pages.rendering import marked

#: Parameters of the view that a series and a plane do not take as they are.
CLOCKS = ("effective_on", "known_on")
#: What happened to rules and partnerships is listed up to so many; the rest unfolds.
FEW_HAPPENINGS = 8
#: Days before the first order within which the drawing begins with what happened to a rule.
LONG_BEFORE = 400
#: A range that is wider leads the sentence.
WIDE_RANGE = 0.2


def dependence(asking: PageSources, address: Address, language: Language) -> dict[str, Any]:
    """Everything that the template of the page shows. Raises what the views raise."""
    answer = asking.questions.vendor_dependence(address.asked)
    effective_on = date.fromisoformat(answer["resolved"]["effective_on"])
    known_on = _day(answer["resolved"]["known_on"])
    position = str(answer["resolved"]["position"])
    pinned = {name: values for name, values in address.asked.items() if name not in (*CLOCKS, "recorded_at")}
    pinned["position"] = [position]
    span, today = _span(asking, address, pinned, effective_on, known_on)
    then = today
    if known_on is not None:
        then = _series(asking, {**pinned, "known_on": [known_on.isoformat()]}, span)
    courses = [
        DrawnSeries(series["points"], span.first, span.last, effective_on, known)
        for series, known in ((then, known_on), (today, None))
    ]
    traders = asking.questions.traders(int(position))
    names = _names(answer, today, traders, language)
    colors = _colors(today, then)
    happenings = then["annotations"]
    shown = [one for one in answer["rows"] if one["key"] in colors and colors[one["key"]] != "other"][:MOST_LANES]
    lanes = [(key, color) for key, color in colors.items() if color != "other" and _is_in(key, then)]
    return {
        "address": address,
        "answer": answer,
        "buyers": buyers_in(traders, language),
        "claim": claim(answer, language, names),
        "by_row": {row["key"]: row for row in answer["rows"]},
        "colors": colors,
        "clocks": clocks_of(address, span, effective_on, known_on, language),
        "concentration": [concentration_chart(courses[0], courses[1], drawing) for drawing in (WIDE, NARROW)],
        "effective_on": effective_on.isoformat(),
        "fields": ("buyer", "measure", "status", "captive", "by"),
        "few_happenings": FEW_HAPPENINGS,
        "happenings": happenings,
        "kinds": _kinds(language),
        "known_on": None if known_on is None else known_on.isoformat(),
        "lanes": [lanes_chart(courses[0], lanes, happenings, drawing) for drawing in (WIDE, NARROW)],
        "names": names,
        "plane": _plane(asking, address, pinned, span, effective_on, known_on, shown),
        "position": position,
        "span": span,
        "whisker": whisker,
    }


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _series(asking: PageSources, pinned: Mapping[str, Sequence[str]], span: ShownDays) -> dict[str, Any]:
    asked = {**pinned, "from": [span.first.isoformat()], "to": [span.last.isoformat()]}
    return asking.comparisons.series(asked if span.step is None else {**asked, "step": [span.step]})


def _span(
    asking: PageSources,
    address: Address,
    pinned: Mapping[str, Sequence[str]],
    effective_on: date,
    known_on: date | None,
) -> tuple[ShownDays, dict[str, Any]]:
    """The range that is shown: what is asked for, else from the first to the last day on which something changes."""
    today = asking.questions.clocks.today()
    first, last = (address.shown.get(name) for name in ("from", "to"))
    ends = last or max(today, effective_on).isoformat()
    placed = asking.questions.first_order(int(pinned["position"][0])) or effective_on
    step = asking.planes.step(pinned, min(placed, effective_on), _within(ends, today))
    asked = {**pinned, "from": [first or "1990-01-01"], "to": [ends]}
    if step is not None:
        asked |= {"from": [first or min(placed, effective_on).isoformat()], "step": [step]}
    widest = asking.comparisons.series(asked)
    span = _shown(asking, pinned, widest, (first, last), (effective_on, known_on))
    return span, {**widest, "points": _from(widest["points"], span.first)}


def _within(day: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(day)
    except ValueError:
        # What is wrong with it, the series says.
        return otherwise


def _shown(
    asking: PageSources,
    pinned: Mapping[str, Sequence[str]],
    widest: Mapping[str, Any],
    given: tuple[str | None, str | None],
    clocks: tuple[date, date | None],
) -> ShownDays:
    (first, last), (effective_on, known_on) = given, clocks
    changes = [date.fromisoformat(point["effective_on"]) for point in widest["points"][1:]]
    if widest["step"] is not None:
        changes.append(date.fromisoformat(widest["from"]))
    begins = date.fromisoformat(widest["from"]) if first else min([*changes, effective_on])
    happened = [date.fromisoformat(one["effective_on"]) for one in widest["annotations"]]
    changes += happened
    if not first:
        # What happened not long before the first order is shown, too.
        before = [one for one in happened if begins - timedelta(LONG_BEFORE) <= one]
        begins = min([begins, *before]) - timedelta(30)
    known = asking.planes.known_days(pinned, begins, asking.questions.clocks.today())
    ends = date.fromisoformat(widest["to"])
    if not last:
        latest = max([*changes, *known, effective_on, known_on or effective_on])
        ends = min(ends, latest + timedelta(max(14, (latest - begins).days // 20)))
    ends = max(ends, begins + timedelta(1))
    return ShownDays(
        begins,
        ends,
        [day.isoformat() for day in sorted({day for day in changes if begins < day <= ends})],
        [day.isoformat() for day in some_of(known) if begins < day <= ends],
        widest["step"],
    )


def _from(points: Sequence[dict[str, Any]], begins: date) -> list[dict[str, Any]]:
    """The points from a day on, and the last one before it, which holds on it."""
    before = [point for point in points if point["effective_on"] <= begins.isoformat()]
    return [*before[-1:], *(point for point in points if point["effective_on"] > begins.isoformat())]


def _is_in(key: str | None, series: Mapping[str, Any]) -> bool:
    return any(row["key"] == key for point in series["points"] for row in point["rows"])


def _colors(today: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str | None, str]:
    """A colour for every row, the same at every moment: the six with the largest shares have one of their own."""
    largest: dict[str | None, float] = {}
    for point in (*today["points"], *then["points"]):
        for row in point["rows"]:
            share = row["share"] if row["share"] is not None else (row["share_low"] or 0.0) / 2
            largest[row["key"]] = max(largest.get(row["key"], 0.0), share)
    ranked = sorted(largest, key=lambda key: (-largest[key], key or ""))
    return {key: f"v{place}" if place < MOST_LANES else "other" for place, key in enumerate(ranked)}


def _names(
    answer: Mapping[str, Any], series: Mapping[str, Any], traders: Sequence[Mapping[str, Any]], language: Language
) -> dict[str | None, str]:
    """What everything is called that the page names."""
    known = {one["organization_id"]: one for one in traders}
    found: dict[str | None, str] = {None: language("not stated")}
    for one in (*series["keys"], *answer["rows"]):
        if one["key"] is not None:
            names = known.get(one["key"], {}).get("names")
            found[one["key"]] = language.name_of(names, one["name"], one["key"])
    for buyer in answer["parameters"]["buyer"]:
        one = known.get(buyer, {})
        found[buyer] = language.name_of(one.get("names"), one.get("name"), buyer)
    return found


def _plane(
    asking: PageSources,
    address: Address,
    pinned: Mapping[str, Sequence[str]],
    span: ShownDays,
    effective_on: date,
    known_on: date | None,
    shown: Sequence[Mapping[str, Any]],
) -> dict[str, Any] | None:
    """The plane of the vendor that is asked for, else of the one with the smallest share that is not nothing."""
    keys = [row["key"] for row in shown if row["key"] is not None]
    key = address.shown.get("vendor") or next(iter(reversed(keys[:2])), None)
    if key is None:
        return None
    if span.step is not None and "vendor" not in address.shown:
        # Of many lines it takes a while: it is worked out for whoever asks for it.
        return {"key": key, "choices": keys, "sampled": True, "chart": None}
    range_of = {"from": [span.first.isoformat()], "to": [span.last.isoformat()]}
    found = asking.planes.plane({**pinned, **range_of, "key": [key]})
    return {
        "key": key,
        "choices": keys,
        "sampled": found["sampled"],
        "chart": plane_chart(found, span.first, span.last, effective_on, known_on),
    }


def _kinds(language: Language) -> dict[str, str]:
    return {
        "regulation-enacted": language("enacted"),
        "regulation-amended": language("amended"),
        "regulation-suspended": language("suspended"),
        "regulation-resumed": language("resumed"),
        "regulation-repealed": language("repealed"),
        "partnership-formed": language("formed"),
        "partnership-changed": language("changed"),
        "partnership-ended": language("ended"),
    }


def claim(answer: Mapping[str, Any], language: Language, names: Mapping[str | None, str]) -> Markup:
    """The one sentence that the page says."""
    resolved, asked = answer["resolved"], answer["parameters"]
    parts: dict[str, Any] = {
        "effective_on": Markup('<time class="effective">{}</time>').format(resolved["effective_on"]),
        "buyer": ", ".join(names[buyer] for buyer in asked["buyer"][:3]),
    }
    if resolved["known_on"] is None:
        when = language("On {effective_on}, by what is known today, ")
    else:
        parts["known_on"] = Markup('<time class="known">{}</time>').format(resolved["known_on"])
        when = language("On {effective_on}, by what was known on {known_on}, ")
    is_market = not asked["buyer"]
    top = answer["rows"][0] if answer["rows"] else None
    if top is None:
        what = (
            language("no order is there in the whole market.")
            if is_market
            else language("no order of {buyer} is there.")
        )
        return marked(when + what, **parts)
    figures = language.figures
    parts |= {
        "vendor": names[top["key"]],
        "share": _strong(figures.share(top["share"])),
        "bounds": _strong(figures.bounds(top["share_low"], top["share_high"])),
        "goods": _goods(asked, language),
    }
    low, high = top["share_low"], top["share_high"]
    is_wide = low is not None and high is not None and high - low > WIDE_RANGE
    if top["share"] is None or is_wide:
        who = (
            language("the market depended on {vendor} for between {low} and {high} of {goods}")
            if is_market
            else language("{buyer} depended on {vendor} for between {low} and {high} of {goods}")
        )
        parts["low"], parts["high"] = _strong(figures.share_down(low)), _strong(figures.share_up(high))
        more = language(".") if top["share"] is None else language("; {share} where quantified.")
        return marked(when + who + more, **parts)
    who = (
        language("the market depended on {vendor} for {share} of {goods}.")
        if is_market
        else language("{buyer} depended on {vendor} for {share} of {goods}.")
    )
    return marked(when + who, **parts)


def _strong(text: str) -> Markup:
    return Markup("<strong>{}</strong>").format(text)


def _goods(asked: Mapping[str, Any], language: Language) -> str:
    said = {
        ("units", "ordered"): language("the units ordered"),
        ("units", "delivered"): language("the units delivered"),
        ("units", "open"): language("the units still to come"),
        ("spend", "ordered"): language("the money spent on orders"),
        ("spend", "delivered"): language("the money spent on deliveries"),
        ("spend", "open"): language("the money of what is still to come"),
        ("capacity", "ordered"): language("the capacity ordered"),
        ("capacity", "delivered"): language("the capacity delivered"),
        ("capacity", "open"): language("the capacity still to come"),
    }
    return said[asked["measure"], asked["status"]]
