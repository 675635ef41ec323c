"""Asking the ledger: views, events, and the state of the projection."""

import json
import operator
import re
import sys
from collections.abc import Callable
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from projections.engine import fingerprint
from projections.parameters import RegulatoryExposure, VendorDependence
from service.cli import exits, tables
from service.clocks import REPEATABLE
from service.daybook import open_daybook, remove_projections
from service.questions import Questions
from service.settings import Settings

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
    "by": "vendor, maker, parent, country, product or category.",
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


def _asked(settings: Settings, ask: Callable[[Questions], dict[str, Any]]) -> dict[str, Any]:
    """Answer one question, with a progress bar while the projection is brought up to the ledger."""
    columns = (TextColumn("reading the ledger"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=tables.messages(), transient=True) as bar:
        task = bar.add_task("", total=None, visible=False)

        def advance(position: int, head: int) -> None:
            bar.update(task, completed=position, total=head, visible=True)

        with open_daybook(settings, follow=False, progress=advance) as daybook:
            return ask(Questions(daybook, settings.wait_s))


def _print_json(answer: Any) -> None:
    click.echo(json.dumps(answer, ensure_ascii=False, indent=1))


@click.group()
def query() -> None:
    """Ask a view as of any time."""


@query.command()
@_options({name: HELP[name] for name in HELP if name in VendorDependence.model_fields})
@_options(CLOCKS)
@click.option("--fail-if", help="Exit 6 where a metric crosses a bound, e.g. 'hhi>2500'.")
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")
@click.pass_obj
def dependence(settings: Settings, /, fail_if: str | None, as_json: bool, **given: Any) -> None:
    """How much of what was bought depends on whom."""
    crossed = _threshold(fail_if) if fail_if else None
    answer = _asked(settings, lambda questions: questions.vendor_dependence(_raw(given)))
    if as_json:
        _print_json(answer)
    else:
        buyers = ", ".join(answer["parameters"]["buyer"]) or "the whole market"
        tables.console().print(tables.dependence(answer, f"Dependence of {buyers}"))
    if crossed is not None and crossed(answer["metrics"]):
        tables.messages().print(f"{fail_if} holds", highlight=False)
        sys.exit(exits.THRESHOLD_CROSSED)


@query.command()
@_options({name: HELP[name] for name in HELP if name in RegulatoryExposure.model_fields})
@_options(CLOCKS)
@click.option("--fail-if", help="Exit 6 where a part at risk crosses a bound, e.g. 'at_risk_low>0.1'.")
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")
@click.pass_obj
def exposure(settings: Settings, /, fail_if: str | None, as_json: bool, **given: Any) -> None:
    """How much of it is barred, by which rule, and what is not known."""
    crossed = _threshold(fail_if) if fail_if else None
    answer = _asked(settings, lambda questions: questions.regulatory_exposure(_raw(given)))
    if as_json:
        _print_json(answer)
    else:
        buyers = ", ".join(answer["parameters"]["buyer"]) or "the whole market"
        tables.console().print(tables.exposure(answer, f"Exposure of {buyers}"))
    if crossed is not None and crossed({name: answer[name] for name in ("at_risk_low", "at_risk_high")}):
        tables.messages().print(f"{fail_if} holds", highlight=False)
        sys.exit(exits.THRESHOLD_CROSSED)


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


def _listing(name: str, text: str, columns: str, *, extra: dict[str, str] | None = None) -> None:
    @query.command(name, help=text)
    @_options({**(extra or {}), **CLOCKS})
    @click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")
    @click.pass_obj
    def command(settings: Settings, /, as_json: bool, **given: Any) -> None:
        answer = _asked(settings, lambda questions: getattr(questions, name)(_raw(given)))
        if as_json:
            _print_json(answer)
        else:
            tables.console().print(tables.records(answer[name], name.capitalize(), columns.split()))


_listing("organizations", "Every organisation.", "organization_id name country parent_id ultimate_parent_id")
_listing("products", "Every product.", "product_id name vendor_id category foundry")
_listing("regulations", "Every instrument, with its status.", "regulation_id status title authority citation until")
_listing(
    "partnerships",
    "Every partnership.",
    "partnership_id status kind scope since ended_on",
    extra={"party": "An organisation that is a party."},
)


@query.command()
@click.argument("order_id")
@_options(CLOCKS)
@click.pass_obj
def order(settings: Settings, /, order_id: str, **given: Any) -> None:
    """One order with its history, as JSON."""
    _print_json(_asked(settings, lambda questions: questions.order(_raw(given), order_id)))


@click.command()
@click.option("--after", type=click.IntRange(0), default=0, help="Start behind this position.")
@click.option("--limit", type=click.IntRange(1), help="At most so many.")
@click.option("--type", "types", multiple=True, help="Only this event type; repeat for several.")
@click.option("--stream", "streams", multiple=True, help="Only this stream, e.g. order/po-1.")
@click.pass_obj
def events(
    settings: Settings, /, after: int, limit: int | None, types: tuple[str, ...], streams: tuple[str, ...]
) -> None:
    """The recorded events, one a line, byte for byte as they are stored."""
    output = sys.stdout.buffer
    with open_daybook(settings, follow=False) as daybook:
        left = limit
        while left is None or left > 0:
            page = PAGE_EVENTS if left is None else min(left, PAGE_EVENTS)
            rows = daybook.ledger.recorder.page(after, page, types, streams)
            output.write(b"".join(row.state + b"\n" for row in rows))
            if len(rows) < page:
                break
            after = rows[-1].position
            left = None if left is None else left - len(rows)


@click.group()
def projection() -> None:
    """The views' own database, which can be made anew at any time."""


@projection.command()
@click.pass_obj
def status(settings: Settings, /) -> None:
    """How far the projection is."""
    with open_daybook(settings, follow=False) as daybook:
        click.echo(f"position {daybook.follower.position}, made by {fingerprint()}")


@projection.command()
@click.pass_obj
def rebuild(settings: Settings, /) -> None:
    """Make the projection anew from the first event, by the same statements."""
    removed, held = remove_projections(settings.home)
    if held:
        tables.messages().print(f"{held} in use by other processes: left as they are", highlight=False)
    answer = _asked(settings, lambda questions: {"position": questions.daybook.follower.position})
    click.echo(f"rebuilt up to position {answer['position']} ({removed} removed before)")
