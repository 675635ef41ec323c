"""Numbers as tables write them, read exactly, and into plain decimals alone."""

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from domain.estimates import EXACT, plain
from service.importing.orders.mapping_parts import FigureValue
from service.importing.orders.tables import Cell, text_of

PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)
WITH_EXPONENT = re.compile(r"[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]{1,3}", re.ASCII)
SEPARATED = re.compile(r"[0-9]{1,3}(?:[ ,.'’\u00a0\u202f][0-9]{3})+(?:[.,][0-9]+)?", re.ASCII)
#: Digits that the ledger keeps of quantities and amounts, before and behind the point; and of attributes.
FIGURE_DIGITS = (15, 4)
ATTRIBUTE_DIGITS = (9, 6)


def decimal_reader(field: FigureValue, digits: tuple[int, int]) -> Callable[[Cell], str]:
    """Reads a cell as a plain decimal text, as the field has its separators; ValueError says what is wrong."""
    whole, places = digits
    plain_text, *of_groups = patterns_of(field, digits)
    usual = field.decimal == "." and not of_groups
    grouped = of_groups[0] if of_groups else None

    def read(cell: Cell) -> str:
        if isinstance(cell, Decimal):
            return _fitting(cell, whole, places)
        text = text_of(cell)
        if usual and plain_text.fullmatch(text):
            return text
        return _fitting(_decimal_of(text, field, grouped), whole, places)

    return read


def patterns_of(field: FigureValue, digits: tuple[int, int]) -> list["re.Pattern[str]"]:
    """What a number looks like as it is recorded, and where the field has groups of digits, with them."""
    whole, places = digits
    patterns = [re.compile(rf"(?:0|[1-9][0-9]{{0,{whole - 1}}})(?:\.[0-9]{{0,{places - 1}}}[1-9])?", re.ASCII)]
    if field.thousands is not None:
        sign, point = re.escape(field.thousands), re.escape(field.decimal)
        form = rf"[0-9]{{1,3}}(?:{sign}[0-9]{{3}})*(?:{point}[0-9]+)?|[0-9]+(?:{point}[0-9]+)?"
        patterns.append(re.compile(form, re.ASCII))
    return patterns


def _decimal_of(text: str, field: FigureValue, grouped: "re.Pattern[str] | None") -> Decimal:
    shown = repr(text[:40])
    given = text
    sign = ""
    if text[:1] in ("-", "−"):
        sign, text = "-", text[1:]
    if grouped is not None:
        if not (grouped.fullmatch(text) or (field.exponent and WITH_EXPONENT.fullmatch(text))):
            raise ValueError(f"{shown} is no number with {field.thousands!r} between thousands and {field.decimal!r}")
        text = text.replace(field.thousands or "", "")
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
    if SEPARATED.fullmatch(text):
        raise ValueError(f"{shown} has separators in it: the mapping would say thousands and decimal")
    if re.fullmatch(r"[0-9]+,[0-9]+", text):
        raise ValueError(f'{shown} has a comma: the mapping would say decimal = "," or thousands = ","')
    raise ValueError(f"{given[:40]!r} is not a number such as 1600.50")


def _fitting(number: Decimal, whole: int, places: int) -> str:
    if not number.is_finite():
        raise ValueError(f"{number} is no number that can be recorded")
    if number < 0:
        raise ValueError(f"{plain(number)[:40]} is negative")
    if number.adjusted() >= whole or -number.adjusted() > 400:
        raise ValueError(f"{str(number)[:40]} has more than {whole} digits before the point")
    text = plain(number)
    if len(text.partition(".")[2]) > places:
        raise ValueError(f"{text[:40]} has more than {places} digits behind the point")
    return text


def product(figure: str, times: str, digits: tuple[int, int]) -> str:
    """The exact product; ValueError where it has more digits than are kept."""
    try:
        return _fitting(EXACT.multiply(Decimal(figure), Decimal(times)), *digits)
    except InvalidOperation:
        raise ValueError(f"{figure} times {times} is no number that can be recorded") from None
