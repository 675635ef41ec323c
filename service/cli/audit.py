"""Commands for auditors: bundles that prove figures, and replays."""

import json
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from domain.notes import write_base64
from service.asking.clocks import BeyondTheLedger, ClockReader
from service.asking.questions import Questions
from service.audit.bundle import Made, write_bundle
from service.audit.questions import SAVED, position_at, read_saved
from service.audit.remote import Remote
from service.audit.replay import Replayed
from service.audit.replay import replay as replay_all
from service.audit.verifier import Refused, check_bundle
from service.cli import exits, tables
from service.cli.progress import progress_bar
from service.cli.wholes import WholeRange
from service.daybook import Daybook, open_daybook
from service.exporting.files import STDOUT, is_compressed, written
from service.settings import Settings


@click.command()
@click.option("--position", type=WholeRange(1), help="Everything up to this position (default: the head).")
@click.option(
    "--query",
    "queries",
    multiple=True,
    required=True,
    metavar="VIEW?PARAMETERS",
    help="A question to answer, of vendor-dependence, regulatory-exposure or sole-source; repeat for several.",
)
@click.option("-o", "--output", "target", required=True, metavar="FILE", help="The zip file, made whole or not at all.")
@click.pass_obj
def bundle(settings: Settings, /, position: int | None, queries: tuple[str, ...], target: str) -> None:
    """A file from which anybody who has the ledger's key derives figures again, and checks their events.

    It holds every event up to the position, proofs, the signed checkpoint, the questions with their answers, and the
    program that checks it all. E.g. --query 'vendor-dependence?buyer=baidu&measure=units&effective_on=2023-08-31'.
    """
    if target == STDOUT:
        raise click.UsageError("a bundle is a zip file: give -o FILE.zip")
    if is_compressed(target):
        raise click.UsageError(f"{target}: a bundle is compressed within, and nothing reads it from a .gz")
    with (
        progress_bar("reading the ledger") as read,
        open_daybook(settings, follow=False, progress=read) as daybook,
        progress_bar("writing") as on_progress,
        written(target) as output,
    ):
        questions = Questions(daybook, settings.wait_s)
        made = write_bundle(
            output, daybook, questions, queries, position, name=Path(target).name, on_progress=on_progress
        )
    tables.messages().print(_summary(made, target), highlight=False)


def _summary(made: Made, target: str) -> str:
    size = Path(target).stat().st_size
    sentence = (
        f"{target}: {size:,} bytes, {made.members:,} members: {made.position:,} events,"
        f" covered by the checkpoint of {made.checkpoint_size:,}, {made.proofs:,} proofs of single events"
    )
    if made.proofs_left_out:
        sentence += " (left out: too many events stand behind the answers; the tiles prove them all)"
    return sentence


def verify_bundle(path: Path, vkeys: Sequence[str], *, as_json: bool) -> None:
    """Check a bundle against the keys; says what was found true, or ends with exit code 5 and the reason."""
    if not vkeys:
        raise click.UsageError("a bundle proves nothing without the key of its log, from elsewhere: give --vkey")
    try:
        proven = check_bundle(path, vkeys, None if as_json else exits.print_result)
    except ValueError as error:
        raise click.UsageError(f"--vkey: {error}") from None
    except Refused as refusal:
        if as_json:
            exits.print_result(json.dumps({"verified": False, "reason": str(refusal)}, ensure_ascii=False, indent=1))
        raise
    if as_json:
        checkpoint = proven.checkpoint
        found = {
            "verified": True,
            "origin": checkpoint.origin,
            "checkpoint_size": checkpoint.size,
            "position": proven.position,
            "root_hash": write_base64(proven.root),
            "queries": proven.queries,
            "code": proven.code,
            "checked": proven.sentences,
        }
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))


@click.command()
@click.option("--position", type=WholeRange(0), help="Everything up to this position (default: the head).")
@click.option("--recorded-at", help="Everything recorded up to this instant.")
@click.option(
    "--queries",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Further questions: VIEW?PARAMETERS, one a line.",
)
@click.option("--only", is_flag=True, help="Ask the questions of --queries alone.")
@click.option("--url", help="A running service to compare as well, e.g. http://127.0.0.1:8000.")
@click.option("--token-env", default="DAYBOOK_TOKEN", show_default=True, help="The variable that holds its token.")
@click.option("--json", "as_json", is_flag=True, help="What came of it as JSON.")
@click.pass_obj
def replay(
    settings: Settings,
    /,
    position: int | None,
    recorded_at: str | None,
    file: Path | None,
    only: bool,
    url: str | None,
    token_env: str,
    as_json: bool,
) -> None:
    """Build every projection anew from the stored bytes, and compare its tables and answers with the live one's.

    Exit code 5 where something differs.
    """
    if position is not None and recorded_at is not None:
        raise click.UsageError("give --position or --recorded-at, not both")
    if only and file is None:
        raise click.UsageError("--only asks the questions of a file: give --queries")
    with ExitStack() as stack:
        remote = None if url is None else stack.enter_context(Remote(url, _token(token_env)))
        bar = stack.enter_context(_Bar())
        daybook = stack.enter_context(
            open_daybook(
                settings, follow=False, progress=lambda done, head: bar.on_progress("reading the ledger", done, head)
            )
        )
        clocks = ClockReader(daybook, settings.wait_s)
        wanted = _wanted(daybook, clocks, position, recorded_at)
        queries = [] if only else read_saved(SAVED, clocks, wanted)
        if file is not None:
            queries += read_saved(_lines(file), clocks, wanted)
        found = replay_all(
            daybook,
            wanted,
            queries,
            folder=settings.home,
            wait_s=settings.wait_s,
            remote=remote,
            bounds=settings.projection_bounds,
            on_progress=bar.on_progress,
        )
    exits.print_result(json.dumps(found.written(), ensure_ascii=False, indent=1) if as_json else _in_sentences(found))
    if not found.is_equal:
        sys.exit(exits.VERIFICATION_FAILED)


def _token(variable: str) -> str:
    token = os.environ.get(variable)
    if not token:
        raise click.UsageError(f"the environment has no {variable}: --token-env names the one that holds the token")
    return token


def _lines(file: Path) -> list[str]:
    try:
        # Lines end at LF alone: any other line end stands in a name.
        return file.read_bytes().decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{file} is not UTF-8: {error.reason} at byte {error.start}") from None


def _wanted(daybook: Daybook, clocks: ClockReader, position: int | None, recorded_at: str | None) -> int:
    head = daybook.follower.position
    if recorded_at is not None:
        return position_at(clocks, recorded_at)
    if position is not None and position > head:
        raise BeyondTheLedger(f"position {position} is beyond the head, {head}")
    return head if position is None else position


def _in_sentences(found: Replayed) -> str:
    """What came of a replay, in sentences."""
    lines = []
    for table in found.differing_tables:
        lines.append(f"table {table.table} differs ({table.where}): {table.found}, replayed {table.replayed}")
        lines += [f"  only {table.where}: {row}" for row in table.rows_found]
        lines += [f"  only replayed: {row}" for row in table.rows_replayed]
    for answer in found.differing_answers:
        one, other = (json.dumps(value, ensure_ascii=False) for value in (answer.found, answer.replayed))
        lines.append(f"{answer.query} differs ({answer.where}): {answer.path} is {one}, replayed {other}")
    compared = f"{found.tables} tables and the answers to {found.queries} questions"
    verdict = "are those of" if found.is_equal else "were compared with"
    lines.append(f"position {found.position}: {compared} {verdict} {' and '.join(found.compared)}")
    return "\n".join(lines)


class _Bar:
    """A progress bar on stderr for the work that is being done, where that is a terminal."""

    def __init__(self) -> None:
        console = tables.messages()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task("", total=None, visible=False)

    def on_progress(self, what: str, done: int, total: int) -> None:
        """Show how far it is."""
        self._progress.update(self._task, description=what, completed=done, total=total, visible=True)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()
