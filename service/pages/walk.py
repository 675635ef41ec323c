"""The guided walk through the demonstration: seven moments, each an address and a caption."""

from typing import Any

from service.pages.addresses import Address
from service.pages.languages import Language

BAIDU = "/dependence?buyer=baidu&measure=units"
#: Where each step is; its words are in `captions`.
STEPS = (
    f"{BAIDU}&captive=include&effective_on=2020-12-31&known_on=2020-12-31",
    "/exposure?buyer=baidu&measure=units&effective_on=2022-10-21&known_on=2022-10-10",
    f"{BAIDU}&captive=exclude&effective_on=2023-08-09&known_on=2023-11-08",
    f"{BAIDU}&captive=exclude&effective_on=2023-08-31&known_on=2023-10-31",
    f"{BAIDU}&captive=exclude&effective_on=2023-08-31&known_on=2023-11-08",
    "/exposure?buyer=baidu&measure=units&effective_on=2023-11-16&known_on=2023-10-20",
    "/dependence?buyer=baidu&measure=capacity&captive=include&effective_on=2025-12-31",
)


def captions(language: Language) -> tuple[str, ...]:
    """What each step says."""
    return (
        language("2020: Baidu's own Kunlun chips. Nobody knows how many there are: between 0 and 20,000."),
        language("October 2022: rule 3A090 is known before it applies. Blue is the day, ochre what one knows by then."),
        language("August 2023: four buyers order together. That each has a quarter is an assumption, and marked so."),
        language("31 August 2023, as one could know on 31 October: NVIDIA has everything."),
        language("The same day, as known on 8 November: the day before, an order of 1,600 Huawei chips was reported."),
        language("The rule of November was to apply on the 16th, and was corrected to the 17th: who knew which when?"),
        language("2025, in computing capacity with its own chips: the ranges are wide, because nobody can know."),
    )


def step_of(address: Address | None, language: Language) -> dict[str, Any] | None:
    """The step that a page is, with the ways on; None: it is none of the walk."""
    asked = None if address is None else address.shown.get("walk")
    if asked is None or not asked.isascii() or not asked.isdigit() or not 1 <= int(asked) <= len(STEPS):
        return None
    number = int(asked)
    return {
        "number": number,
        "of": len(STEPS),
        "words": captions(language)[number - 1],
        "before": href(number - 1) if number > 1 else None,
        "after": href(number + 1) if number < len(STEPS) else None,
    }


def href(number: int) -> str:
    """The address of a step."""
    return f"{STEPS[number - 1]}&walk={number}"
