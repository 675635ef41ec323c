"""Asking the ledger's views from the command line."""

import json
import operator
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click
from rich.console import RenderableType

from service.asking.pages import Entries, whole_answer
from service.asking.views import VIEWS, Question, View
from service.cli import exits, tables
from service.cli.asking import answered, asked
from service.cli.commands import LazyGroup
from service.cli.outputs import chosen_format, output_option, refuse_unreadable, say_if_cut, write_answer
from service.cli.questions import ASKINGS, Asking, asking_of, options_of, raw_of, with_options
from service.cli.tables import Look
from service.cli.wholes import WholeRange
from service.exporting.files import STDOUT, suffix, written
from service.exporting.formats import FORMATS, Choice
from service.settings import Settings

#: For people, and the default.
TABLE = "table"
FORMS = (TABLE, *FORMATS)
OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}


def _formatted(command: Any) -> Any:
    """In what form the answer is given, and where it goes."""
    for option in (
        click.option("--top", type=WholeRange(1), help="Of a table, the first so many rows."),
        click.option("--exact", is_flag=True, help="Of a table, every digit: no percentages, nothing rounded."),
        click.option("--json", "as_json", is_flag=True, help="The answer as JSON: --format json."),
        output_option,
        click.option(
            "--format", "format_name", type=click.Choice(FORMS), help="Default: by the file's name, else table."
        ),
    ):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """The form that an answer is asked for in."""

    name: str
    target: str
    look: Look

    @classmethod
    def of(cls, format_name: str | None, target: str, as_json: bool, top: int | None, exact: bool) -> "AnswerForm":
        """From the options; refuses what contradicts itself before anything is asked."""
        if as_json and format_name not in (None, "json"):
            raise click.UsageError(f"--json and --format {format_name} contradict each other")
        name = chosen_format("json" if as_json else format_name, target, FORMS, TABLE)
        if name != TABLE and (exact or top is not None):
            raise click.UsageError(f"{'--exact' if exact else '--top'} is for tables: {name} has every digit and row")
        refuse_unreadable(target, name, is_text=name == TABLE or FORMATS[name].is_text)
        return cls(name, target, Look(exact, top))

    def give(
        self, answer: dict[str, Any], view: View, shown: Callable[[Look], RenderableType], table: str | None = None
    ) -> None:
        """Give the answer in this form."""
        if self.name == "json":
            whole = {name: list(value) if isinstance(value, Entries) else value for name, value in answer.items()}
            with written(self.target) as output:
                output.write(json.dumps(whole, ensure_ascii=False, indent=1).encode() + b"\n")
        elif self.name != TABLE:
            write_answer(answer, Choice(view, view.table(table)), self.name, self.target)
        elif self.target == STDOUT:
            tables.console().print(shown(self.look))
        else:
            with written(self.target) as output:
                output.write(tables.as_text(shown(self.look)).encode())


@click.group(cls=LazyGroup)
def query() -> None:
    """Ask a view as of any time."""


def _command(asking: Asking) -> click.Command:
    """The command of a question."""

    def ask(
        settings: Settings,
        /,
        format_name: str | None,
        target: str,
        as_json: bool,
        top: int | None,
        exact: bool,
        fail_if: str | None = None,
        table_name: str | None = None,
        **given: Any,
    ) -> None:
        form = AnswerForm.of(format_name, target, as_json, top, exact)
        crossed = threshold(fail_if) if fail_if else None
        table = table_name or asking.table
        view, raw = asking.view.turned(raw_of(given))
        question, answering = Question(view, "", raw), asking_of(view, asking)
        with answered(settings) as (questions, comparisons):
            answer = whole_answer(question, questions, comparisons, lambda done: None)
            # What is wrong with --fail-if is said before anything is given.
            said = crossed(asking.metrics(answer)) if crossed is not None and asking.metrics is not None else None
            with exits.read_or_not():
                form.give(answer, view, lambda look: answering.shown(answer, table, look), table)
        say_if_cut(answer)
        if said is not None:
            tables.messages().print(said, highlight=False)
            sys.exit(exits.THRESHOLD_CROSSED)

    command: Any = _formatted(click.pass_obj(ask))
    names = [table.name for table in asking.view.tables]
    if asking.table is None and len(names) > 1:
        text = f"Another table of the answer than {names[0]}."
        command = click.option("--table", "table_name", type=click.Choice(names), help=text)(command)
    if asking.metrics is not None:
        text = "Exit 6 where a metric crosses a bound, or is not known, e.g. 'hhi>2500' or 'at_risk_high>0.1'."
        command = click.option("--fail-if", help=text)(command)
    return click.command(asking.name, help=asking.help)(with_options(asking.options, asking.repeatable)(command))


def threshold(text: str) -> Callable[[Mapping[str, Any]], str | None]:
    """What says of metrics that they cross a bound such as `hhi>2500`; raises UsageError where that is none."""
    match = re.fullmatch(r"\s*(\w+)\s*(>=|<=|>|<|=)\s*(\d+(?:\.\d+)?)\s*", text)
    if match is None:
        raise click.UsageError(f"--fail-if takes a metric, a comparison and a number, such as 'hhi>2500', not {text!r}")
    metric, comparison, bound = match.groups()

    def crossed(metrics: Mapping[str, Any]) -> str | None:
        """What is wrong, or None."""
        if metric not in metrics:
            raise click.UsageError(f"--fail-if: there is no metric {metric!r}: there are {', '.join(metrics)}")
        value = metrics[metric]
        if value is None:
            # It may cross the bound for all that is known.
            return f"{metric} is not known, so {text!r} cannot be ruled out"
        return f"{text} holds" if OPERATORS[comparison](value, float(bound)) else None

    return crossed


for _asking in ASKINGS:
    query.add_command(_command(_asking))


@query.command()
@click.argument("order_id")
@with_options(options_of(VIEWS["orders/{identifier}"]))
@_formatted
@click.pass_obj
def order(
    settings: Settings,
    /,
    order_id: str,
    format_name: str | None,
    target: str,
    as_json: bool,
    top: int | None,
    exact: bool,
    **given: Any,
) -> None:
    """One order with its history, by default as JSON."""
    chosen = format_name or (None if suffix(target) else TABLE if exact or top else "json")
    form = AnswerForm.of(chosen, target, as_json, top, exact)
    answer = asked(settings, lambda questions: questions.order(raw_of(given), order_id))
    form.give(answer, VIEWS["orders/{identifier}"], lambda look: tables.order(answer, look))
