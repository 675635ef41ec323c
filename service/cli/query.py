"""Asking the ledger: views, events, and the state of the projection."""

import json
import operator
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click
from rich.table import Table

from projections.parameters import RegulatoryExposure, VendorDependence
from service.asking.clocks import REPEATABLE
from service.asking.views import VIEWS, View
from service.cli import exits, tables
from service.cli.asking import asked
from service.cli.outputs import chosen_format, output_option, refuse_unreadable, write_answer
from service.exporting.files import STDOUT, suffix, written
from service.exporting.formats import FORMATS, Choice
from service.settings import Settings

#: For people, and the default.
TABLE = "table"
FORMS = (TABLE, *FORMATS)
PAGE_EVENTS = 5_000
CLOCKS = {
    "effective_on": "As the world was on this day (default today).",
    "known_on": "As was known on this day.",
    "position": "As this ledger had recorded up to this position.",
    "recorded_at": "As this ledger had recorded at this instant.",
}
HELP = {
    "buyer": "A buyer; repeat for several; none: the whole market.",
    "buyer_scope": "entity, or group: with subsidiaries.",
    "exclude": "estimated, assumed or unquantified; repeat for several.",
    "currency": "ISO 4217 code to convert into.",
    "measure": "spend, units or capacity.",
    "attribute": "The product attribute that makes capacity.",
    "status": "ordered, delivered or open.",
    "by": "vendor, maker, parent, country, product, category, attribute:NAME of the product, or site (attribute:site).",
    "window": "ISO 8601 duration back from effective_on, e.g. P1Y.",
    "captive": "include or exclude supply from the buyer's own group.",
    "home": "Country that counts as domestic.",
    "threshold": "What an alternative's attribute must reach, for sole sources.",
    "threshold_attribute": "The attribute that is held against the threshold.",
}
OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}


def _options(names: dict[str, str]) -> Callable[[Any], Any]:
    def decorate(command: Any) -> Any:
        for name, text in reversed(names.items()):
            flag = "--" + name.replace("_", "-")
            command = click.option(flag, name, multiple=name in REPEATABLE, help=text)(command)
        return command

    return decorate


def _raw(given: dict[str, Any]) -> dict[str, list[str]]:
    """Options as the views take parameters."""
    raw = {}
    for name, value in given.items():
        if isinstance(value, tuple):
            if value:
                raw[name] = list(value)
        elif value is not None:
            raw[name] = [value]
    return raw


def _formatted(command: Any) -> Any:
    """In what form the answer is given, and where it goes."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="The answer as JSON: --format json."),
        output_option,
        click.option(
            "--format", "format_name", type=click.Choice(FORMS), help="Default: by the file's name, else table."
        ),
    ):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Form:
    """The form that an answer is asked for in."""

    name: str
    target: str

    @classmethod
    def of(cls, format_name: str | None, target: str, as_json: bool) -> "Form":
        """From the options; refuses what contradicts itself before anything is asked."""
        if as_json and format_name not in (None, "json"):
            raise click.UsageError(f"--json and --format {format_name} contradict each other")
        name = chosen_format("json" if as_json else format_name, target, FORMS, TABLE)
        refuse_unreadable(target, name, is_text=name == TABLE or FORMATS[name].is_text)
        return cls(name, target)

    def give(self, answer: dict[str, Any], view: View, table: Callable[[], Table]) -> None:
        """Give the answer in this form."""
        if self.name == "json":
            with written(self.target) as output:
                output.write(json.dumps(answer, ensure_ascii=False, indent=1).encode() + b"\n")
        elif self.name != TABLE:
            write_answer(answer, Choice(view, view.tables[0]), self.name, self.target)
        elif self.target == STDOUT:
            tables.console().print(table())
        else:
            with written(self.target) as output:
                output.write(tables.as_text(table()).encode())


@click.group()
def query() -> None:
    """Ask a view as of any time."""


@query.command()
@_options({name: HELP[name] for name in HELP if name in VendorDependence.model_fields})
@_options(CLOCKS)
@click.option("--fail-if", help="Exit 6 where a metric crosses a bound, e.g. 'hhi>2500'.")
@_formatted
@click.pass_obj
def dependence(
    settings: Settings, /, fail_if: str | None, format_name: str | None, target: str, as_json: bool, **given: Any
) -> None:
    """How much of what was bought depends on whom."""
    form = Form.of(format_name, target, as_json)
    crossed = _threshold(fail_if) if fail_if else None
    answer = asked(settings, lambda questions: questions.vendor_dependence(_raw(given)))
    form.give(answer, VIEWS["vendor-dependence"], lambda: tables.dependence(answer, f"Dependence of {_buyers(answer)}"))
    if crossed is not None and crossed(answer["metrics"]):
        tables.messages().print(f"{fail_if} holds", highlight=False)
        sys.exit(exits.THRESHOLD_CROSSED)


@query.command()
@_options({name: HELP[name] for name in HELP if name in RegulatoryExposure.model_fields})
@_options(CLOCKS)
@click.option("--fail-if", help="Exit 6 where a part at risk crosses a bound, e.g. 'at_risk_low>0.1'.")
@_formatted
@click.pass_obj
def exposure(
    settings: Settings, /, fail_if: str | None, format_name: str | None, target: str, as_json: bool, **given: Any
) -> None:
    """How much of it is barred, by which rule, and what is not known."""
    form = Form.of(format_name, target, as_json)
    crossed = _threshold(fail_if) if fail_if else None
    answer = asked(settings, lambda questions: questions.regulatory_exposure(_raw(given)))
    form.give(answer, VIEWS["regulatory-exposure"], lambda: tables.exposure(answer, f"Exposure of {_buyers(answer)}"))
    if crossed is not None and crossed({name: answer[name] for name in ("at_risk_low", "at_risk_high")}):
        tables.messages().print(f"{fail_if} holds", highlight=False)
        sys.exit(exits.THRESHOLD_CROSSED)


def _buyers(answer: dict[str, Any]) -> str:
    return ", ".join(answer["parameters"]["buyer"]) or "the whole market"


def _threshold(text: str) -> Callable[[dict[str, Any]], bool]:
    match = re.fullmatch(r"\s*(\w+)\s*(>=|<=|>|<|=)\s*(\d+(?:\.\d+)?)\s*", text)
    if match is None:
        raise click.UsageError(f"--fail-if takes a metric, a comparison and a number, such as 'hhi>2500', not {text!r}")
    metric, comparison, bound = match.groups()

    def crossed(metrics: dict[str, Any]) -> bool:
        if metric not in metrics or isinstance(metrics[metric], dict):
            raise click.UsageError(f"--fail-if: there is no metric {metric!r}")
        # An unknown metric crosses nothing.
        return metrics[metric] is not None and OPERATORS[comparison](metrics[metric], float(bound))

    return crossed


def _listing(name: str, text: str, *, extra: dict[str, str] | None = None) -> None:
    @query.command(name, help=text)
    @_options({**(extra or {}), **CLOCKS})
    @_formatted
    @click.pass_obj
    def command(settings: Settings, /, format_name: str | None, target: str, as_json: bool, **given: Any) -> None:
        form = Form.of(format_name, target, as_json)
        answer = asked(settings, lambda questions: getattr(questions, name)(_raw(given)))
        view = VIEWS[name]
        form.give(
            answer,
            view,
            lambda: tables.listing(view.tables[0], answer, name.capitalize(), caption=tables.as_of(answer)),
        )


_listing("organizations", "Every organisation.")
_listing("products", "Every product.")
_listing("regulations", "Every instrument, with its status.")
_listing("partnerships", "Every partnership.", extra={"party": "An organisation that is a party."})


@query.command()
@click.argument("order_id")
@_options(CLOCKS)
@_formatted
@click.pass_obj
def order(
    settings: Settings, /, order_id: str, format_name: str | None, target: str, as_json: bool, **given: Any
) -> None:
    """One order with its history, by default as JSON."""
    form = Form.of(format_name or (None if suffix(target) else "json"), target, as_json)
    answer = asked(settings, lambda questions: questions.order(_raw(given), order_id))
    form.give(answer, VIEWS["orders/{identifier}"], lambda: tables.order(answer))
