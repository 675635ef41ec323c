"""Numbers as tables write them, read exactly, and into plain decimals alone."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from domain.estimates import EXACT, ZERO, plain
from service.importing.orders.mapping_parts import FigureValue
from service.importing.orders.tables import Cell, text_of

PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)
WITH_EXPONENT = re.compile(r"[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]{1,3}", re.ASCII)
SEPARATED = re.compile(r"[0-9]{1,3}(?:[ ,.'][0-9]{2,3})+(?:[.,][0-9]+)?", re.ASCII)
#: Digits that the ledger keeps of quantities and amounts, before and behind the point; and of attributes.
FIGURE_DIGITS = (15, 4)
ATTRIBUTE_DIGITS = (9, 6)
#: Digits behind the point of a number that is to be rounded; what a spreadsheet computes has 32 at most.
LONGEST_FRACTION = 40
#: Signs that look alike become one: spaces of every width, apostrophes, minus signs.
ALIKE = str.maketrans(
    dict.fromkeys("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t", " ")
    | {"’": "'", "ʼ": "'", "−": "-", "\ufe63": "-", "\uff0d": "-"}
)
#: Marks at the ends of a number are looked for so many times: a sign before a currency before a bracket.
PASSES = 3


@dataclass(slots=True)
class Rounded:
    """What was rounded of the numbers of one field."""

    #: Numbers that were rounded.
    count: int = 0
    #: What was added to all of them together, exactly.
    sum: Decimal = ZERO

    def fitting(self, number: Decimal, digits: tuple[int, int], places: int, *, signed: bool = False) -> str:
        """The number to so many places, half to even; ValueError where it has more digits than are kept."""
        if number.is_finite() and -number.as_tuple().exponent > LONGEST_FRACTION:  # type: ignore[operator]
            number = EXACT.plus(number.normalize(EXACT))
            if -number.as_tuple().exponent > LONGEST_FRACTION:  # type: ignore[operator]
                shown = str(number)[:40]
                raise ValueError(f"{shown} has more than {LONGEST_FRACTION} digits behind the point")
        if number.is_finite() and number.adjusted() < digits[0]:
            rounded = number.quantize(Decimal(1).scaleb(-min(places, digits[1])), context=EXACT)
            if rounded != number:
                self.count += 1
                self.sum = EXACT.add(self.sum, EXACT.subtract(rounded, number))
            number = rounded
        return fitting(number, digits, signed=signed)


def decimal_reader(
    field: FigureValue, digits: tuple[int, int], *, signed: bool = False, rounded: Rounded | None = None
) -> Callable[[Cell], str]:
    """Reads a cell as a plain decimal text, as the field has its forms; ValueError says what is wrong.

    `signed`: a number may be negative. `rounded` adds up what `round` takes away; without it nothing is rounded.
    """
    plain_text, *of_groups = patterns_of(field, digits)
    grouped = of_groups[0] if of_groups else None
    usual = field.decimal == "." and grouped is None
    places = field.round if rounded is not None else None

    def read(cell: Cell) -> str:
        if isinstance(cell, Decimal):
            number = cell
        else:
            text = text_of(cell)
            if usual and plain_text.fullmatch(text):
                if places is None or len(text.partition(".")[2]) <= places:
                    return text
                number = Decimal(text)
            else:
                number = _decimal_of(text, field, grouped)
        if places is None or rounded is None:
            return fitting(number, digits, signed=signed)
        return rounded.fitting(number, digits, places, signed=signed)

    return read


def patterns_of(field: FigureValue, digits: tuple[int, int]) -> list["re.Pattern[str]"]:
    """What a number looks like as it is recorded, and where the field has groups of digits, with them."""
    whole, places = digits
    patterns = [re.compile(rf"(?:0|[1-9][0-9]{{0,{whole - 1}}})(?:\.[0-9]{{0,{places - 1}}}[1-9])?", re.ASCII)]
    if field.separator is not None:
        sign, point = re.escape(field.separator), re.escape(field.decimal)
        if field.groups == "indian":
            groups = rf"[0-9]{{1,2}}(?:{sign}[0-9]{{2}})*{sign}[0-9]{{3}}"
        else:
            groups = rf"[0-9]{{1,3}}(?:{sign}[0-9]{{3}})+"
        patterns.append(re.compile(rf"(?:{groups}|[0-9]+)(?:{point}[0-9]+)?", re.ASCII))
    return patterns


def _decimal_of(text: str, field: FigureValue, grouped: "re.Pattern[str] | None") -> Decimal:
    given = text
    shown = repr(text[:40])
    if not text.isascii():
        text = text.translate(ALIKE)
    sign, text = _bare(text, field)
    if grouped is not None:
        if not (grouped.fullmatch(text) or (field.exponent and WITH_EXPONENT.fullmatch(text))):
            groups = "groups as in 12,34,567" if field.groups == "indian" else "between thousands"
            raise ValueError(f"{shown} is no number with {field.separator!r} {groups} and {field.decimal!r}")
        text = text.replace(field.separator or "", "")
    if field.decimal == ",":
        if "." in text:
            raise ValueError(f"{shown} is no number with a decimal comma")
        text = text.replace(",", ".")
    if PLAIN.fullmatch(text):
        return Decimal(sign + text)
    if WITH_EXPONENT.fullmatch(text):
        if not field.exponent:
            raise ValueError(f"{shown} has an exponent: the mapping would say exponent = true")
        return Decimal(sign + text)
    raise ValueError(_why(given, text))


def _bare(text: str, field: FigureValue) -> tuple[str, str]:
    """A number's sign, and its digits without what the field strips."""
    sign = ""
    for _ in range(PASSES):
        before = text
        for word in field.strip:
            text = text.removeprefix(word).removesuffix(word)
        if field.strip or sign:
            text = text.strip()
        if not sign:
            if text.startswith("-"):
                sign, text = "-", text[1:]
            elif field.negative == "parentheses" and text.startswith("(") and text.endswith(")"):
                sign, text = "-", text[1:-1].strip()
            elif field.negative == "trailing" and text.endswith("-"):
                sign, text = "-", text[:-1].rstrip()
        if text == before:
            break
    return sign, text


def _why(given: str, text: str) -> str:
    """What is wrong with a number that no form of the field reads, and which key would read it."""
    shown = repr(given[:40])
    if SEPARATED.fullmatch(text):
        return f"{shown} has separators in it: the mapping would say thousands and decimal"
    if re.fullmatch(r"[0-9]+,[0-9]+", text):
        return f'{shown} has a comma: the mapping would say decimal = "," or thousands = ","'
    if re.fullmatch(r"\([^()]*[0-9]\)", text):
        return f'{shown} is in parentheses: the mapping would say negative = "parentheses"'
    if re.fullmatch(r"[0-9][0-9.,' ]*-", text):
        return f'{shown} ends with a minus: the mapping would say negative = "trailing"'
    marked = re.fullmatch(r"([^0-9\s.,+\-]{1,4}) ?[0-9][0-9.,' ]*|[0-9][0-9.,' ]*?\s?([^0-9\s.,+\-]{1,4})", text)
    if marked and not text.startswith("="):
        return f'{shown} is marked: the mapping would say strip = ["{marked[1] or marked[2]}"]'
    return f"{shown} is not a number such as 1600.50"


def fitting(number: Decimal, digits: tuple[int, int], *, signed: bool = False) -> str:
    """A number as a plain decimal text; ValueError where it has more digits than are kept, or may not be negative."""
    whole, places = digits
    if not number.is_finite():
        raise ValueError(f"{number} is no number that can be recorded")
    if number < 0 and not signed:
        raise ValueError(f"{plain(number)[:40]} is negative")
    if number.adjusted() >= whole or -number.adjusted() > 400:
        raise ValueError(f"{str(number)[:40]} has more than {whole} digits before the point")
    text = plain(number)
    if len(text.partition(".")[2]) > places:
        raise ValueError(f"{text[:40]} has more than {places} digits behind the point")
    return text


def product(figure: str, times: str) -> Decimal:
    """The exact product; ValueError where it is none."""
    try:
        return EXACT.multiply(Decimal(figure), Decimal(times))
    except InvalidOperation:
        raise ValueError(f"{figure} times {times} is no number that can be recorded") from None
