"""Measures the suite, or some of its groups: `./run bench [NAME...] [--quick] [--json FILE]`."""

import argparse
import signal
import sys
from pathlib import Path

from bench.harness.report import Report
from bench.harness.suite import GROUPS, NoRoom, bench, measure

#: As in sysexits.h: something of the suite itself is broken; the arguments are no use.
BROKEN, NO_USE, UNAVAILABLE = 70, 64, 69


def main() -> int:
    """Measure, print, and write; missing a limit is no failure: measuring is no test."""
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__, exit_on_error=False)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(GROUPS)}; none: all of them")
    parser.add_argument("--quick", action="store_true", help="smaller ledgers: all groups within 20 minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found to a file, too")
    parser.add_argument("--scale", type=float, default=1.0, help="multiply all sizes, to try a group (0.01)")
    parser.add_argument("--plot", type=Path, default=Path("growth.svg"), help="where `growth` writes its plot")
    try:
        arguments = parser.parse_args()
    except argparse.ArgumentError as error:
        parser.print_usage(sys.stderr)
        print(f"bench: {error}", file=sys.stderr)
        return NO_USE
    if unknown := [name for name in arguments.names if name not in GROUPS]:
        print(f"bench: {', '.join(unknown)}: there is no such group; there are {', '.join(GROUPS)}", file=sys.stderr)
        return NO_USE
    names = [name for name in GROUPS if name in arguments.names] if arguments.names else list(GROUPS)
    report = Report(arguments.quick, arguments.scale)
    try:
        with bench(quick=arguments.quick, scale=arguments.scale, plot=arguments.plot.absolute()) as run:
            measure(names, run, report)
    except NoRoom as error:
        print(f"bench: {error}", file=sys.stderr)
        return UNAVAILABLE
    finally:
        if arguments.json is not None:
            report.write(arguments.json)
        report.print()
    return BROKEN if report.broken else 0


if __name__ == "__main__":
    # A run that is asked to end ends its services, and leaves nothing behind.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    sys.exit(main())
