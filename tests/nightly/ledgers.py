"""Asks the tests about random ledgers of many more ledgers, and by every road: relations, references, both roads.

./run nightly ledgers [--ledgers 100] [--first 1000] [-- ARGUMENTS OF PYTEST]
./run nightly ledgers --first 1042 --ledgers 1 -- -n 0 -k chain      one ledger again, as a test's name has it

Each test of them is asked of so many ledgers, from the one on that is given; a test's name ends with the ledger's seed.
"""

import argparse
import os
import sys

import pytest

from tests.seeds import FIRST, LEDGERS

#: All tests whose ledgers are `tests.seeds.seeds`.
ASKED = (
    "tests/relations",
    "tests/test_random_ledgers.py",
    "tests/projections/few/test_both_roads.py",
    "tests/projections/test_differences.py",
    "tests/projections/test_series.py",
)


def main() -> int:
    """Run them; exit 1 where one fails."""
    parser = argparse.ArgumentParser(prog="./run nightly ledgers", description=__doc__.partition("\n")[0])
    parser.add_argument("--ledgers", type=int, default=100, help="of each test")
    parser.add_argument("--first", type=int, default=1_000, help="the first ledger's seed")
    parser.add_argument("rest", nargs="*", metavar="ARGUMENTS", help="of pytest, behind --")
    wanted = parser.parse_args()
    os.environ |= {LEDGERS: str(wanted.ledgers), FIRST: str(wanted.first)}
    return int(pytest.main([*ASKED, *wanted.rest]))


if __name__ == "__main__":
    sys.exit(main())
