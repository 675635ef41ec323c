"""Reads changed files by the code of imports itself, in this process: a dry run on the ledger of a home.

A JSON array a line says what it begins, ["began", number], and what came of it: ["ended", number, kind, outcome,
words].
"""

import argparse
import io
import json
import resource
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from types import FrameType

from domain.errors import Refusal
from service.daybook import Daybook, open_daybook
from service.importing.formats import FORMATS, guess_format
from service.importing.importing import import_file
from service.importing.opening import opened
from service.importing.plans import RowRefused, Summary
from service.importing.rows import BadFile, BadMapping
from service.importing.streaming import Options
from service.settings import Settings
from tests.nightly.corpus import MAPPING, NEEDING_MAPPING, File, file_of

#: What one file may take.
LONGEST_S = 30
LARGEST_BYTES = 6 * 1024**3


class TooLong(Exception):
    """A file took too long."""


def outcome(daybook: Daybook, file: File, mapping: str, number: int) -> tuple[str, str]:
    """What became of a file: taken, refused, or wrong with the words of the fault."""
    source = io.BytesIO(file.data)
    try:
        chosen = file.format or guess_format(opened(source))
        assert chosen in FORMATS
        named = mapping if chosen in NEEDING_MAPPING else None
        summary = Summary("fuzz", chosen, 0, dry_run=True)
        options = Options(
            dry_run=True,
            continue_on_error=FORMATS[chosen].partial and number % 2 == 0,
            mapping=named,
        )
        import_file(daybook, source, summary, options)
    except (BadFile, BadMapping, RowRefused, Refusal) as refused:
        return "refused", str(refused)[:200]
    except Exception:
        return "wrong", traceback.format_exc()[-3_000:]
    return "taken", f"{summary.recorded} events"


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TooLong(f"more than {LONGEST_S} s")


def main() -> None:
    """Read them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--first", type=int, required=True)
    parser.add_argument("--upto", type=int, required=True)
    wanted = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (LARGEST_BYTES, LARGEST_BYTES))
    signal.signal(signal.SIGALRM, _too_long)
    with (
        tempfile.NamedTemporaryFile(suffix=".toml") as mapping,
        open_daybook(Settings(home=wanted.home), follow=False) as daybook,
    ):
        mapping.write(MAPPING)
        mapping.flush()
        for number in range(wanted.first, wanted.upto):
            _say("began", number)
            file = file_of(wanted.seed, number)
            signal.alarm(LONGEST_S)
            try:
                became, words = outcome(daybook, file, mapping.name, number)
            except TooLong as late:
                became, words = "wrong", str(late)
            signal.alarm(0)
            _say("ended", number, file.kind, became, words)


def _say(*words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
