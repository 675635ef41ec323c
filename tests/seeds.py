"""Which random ledgers tests are about: a few, and every night many (`./run nightly ledgers`)."""

import os

#: So many from this seed on in place of the few, of every test that is about random ledgers.
LEDGERS = "DAYBOOK_TEST_LEDGERS"
FIRST = "DAYBOOK_TEST_FIRST_LEDGER"


def seeds(first: int, few: int) -> range:
    """The seeds of a test: `few` from `first` on, which in a nightly run are as many as it is for."""
    if LEDGERS not in os.environ:
        return range(first, first + few)
    first = int(os.environ.get(FIRST, "0"))
    return range(first, first + int(os.environ[LEDGERS]))
