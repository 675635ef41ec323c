"""Faults brought about under writers that keep their own record: what was lost, doubled, and how soon all was well.

./run nightly faults [--rounds 3] [--only NAME] [--seed 1] [--load-minutes 15]
"""

import argparse
import json
import sys
import time

from rich.console import Console
from rich.table import Table

from tests.nightly.faults.catalogue import FAULTS, Fault
from tests.nightly.faults.load import Load, bear
from tests.nightly.faults.rounds import Outcome, play


def main() -> int:
    """Bring them about; exit 1 where one was not survived as promised."""
    parser = argparse.ArgumentParser(prog="./run nightly faults", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="of each fault (3)")
    parser.add_argument("--only", action="append", default=[], help="a part of a fault's name; may be repeated")
    parser.add_argument("--seed", type=int, default=1, help="the same seed strikes at the same moments (1)")
    parser.add_argument("--load-minutes", type=float, default=15.0, help="mixed load afterwards; 0: none (15)")
    parser.add_argument("--list", action="store_true", help="say which there are")
    parser.add_argument("--json", action="store_true", help="the table for machines, on standard output")
    wanted = parser.parse_args()
    chosen = [fault for fault in FAULTS if not wanted.only or any(part in fault.name for part in wanted.only)]
    if wanted.list:
        sys.stdout.writelines(f"{fault.name}\n" for fault in chosen)
        return 0
    if not chosen:
        parser.error(f"no fault is called so; there are: {', '.join(fault.name for fault in FAULTS)}")
    outcomes = [_tried(fault, wanted.rounds, wanted.seed) for fault in chosen]
    load = bear(wanted.load_minutes, _report) if wanted.load_minutes > 0 else None
    if wanted.json:
        rows = load.rows() if load else []
        sys.stdout.write(json.dumps({"faults": [_row(outcome) for outcome in outcomes], "load": rows}, indent=2) + "\n")
    else:
        console = Console(width=80)
        console.print(_table(outcomes))
        if load:
            console.print(_load_table(load))
    wrong = [f"{outcome.fault.name}: {line}" for outcome in outcomes for line in outcome.wrong]
    wrong += [f"load: {line}" for line in load.wrong] if load else []
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0


def _tried(fault: Fault, rounds: int, seed: int) -> Outcome:
    try:
        outcome = play(fault, rounds, seed, _report)
    except Exception as error:
        # The next ones are to be tried all the same.
        outcome = Outcome(fault, wrong=[f"{type(error).__name__}: {error}"[:600]])
    worst = f"{max(outcome.back_s):.1f} s" if outcome.back_s else "never"
    _report(f"{outcome.fault.name}: back after {worst} at most{'; WRONG' if outcome.wrong else ''}")
    return outcome


def _report(words: str) -> None:
    sys.stderr.write(f"faults: {time.strftime('%H:%M:%S')} {words}\n")


def _row(outcome: Outcome) -> dict[str, object]:
    return {
        "fault": outcome.fault.name,
        "rounds": outcome.rounds,
        "acknowledged": outcome.acknowledged,
        "lost": outcome.lost,
        "doubled": outcome.doubled,
        "back_s": [round(seconds, 2) for seconds in outcome.back_s],
        "bound_s": round(outcome.bound_s, 1),
        "slowest_answer_s": round(outcome.slowest_s, 2),
        "wrong": outcome.wrong,
    }


def _table(outcomes: list[Outcome]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("fault", no_wrap=True)
    for name in ("rounds", "ackn.", "lost", "twice", "back s", "of", ""):
        table.add_column(name, justify="right", no_wrap=True)
    for outcome in outcomes:
        worst = f"{max(outcome.back_s):.1f}" if outcome.back_s else "never"
        figures = (outcome.rounds, outcome.acknowledged, outcome.lost, outcome.doubled)
        fine = "WRONG" if outcome.wrong else "ok"
        table.add_row(outcome.fault.name, *map(str, figures), worst, f"{outcome.bound_s:.0f}", fine)
    return table


def _load_table(load: Load) -> Table:
    table = Table(box=None, pad_edge=False, title=f"mixed load, {load.acknowledged} events", title_justify="left")
    table.add_column("", no_wrap=True)
    table.add_column("at the beginning", justify="right")
    table.add_column("at the end", justify="right")
    for row in load.rows():
        table.add_row(*row)
    return table


if __name__ == "__main__":
    sys.exit(main())
