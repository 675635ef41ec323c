"""What processes that we start get of our environment: never a secret, see /proc/PID/environ."""

import os
import sys
from pathlib import Path

#: Variables that an interpreter of ours may need; those of its own (PYTHON*) and of the language (LC_*) go along.
NEEDED = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "TMPDIR", "TZ", "VIRTUAL_ENV")
PREFIXES = ("DYLD_", "LC_", "PYTHON")
#: Variables that hold a secret, or may.
SECRET = ("DAYBOOK_ADMIN_TOKEN", "DAYBOOK_DATABASE_URL", "DAYBOOK_MIGRATIONS_URL", "DAYBOOK_SIGNING_KEY", "PGPASSWORD")
ROOT = Path(__file__).parents[2]


def of_an_interpreter(*, packages: bool) -> dict[str, str]:
    """The environment of a Python process that finds our modules and, if asked for, the packages that we find."""
    kept = {name: value for name, value in os.environ.items() if name in NEEDED or name.startswith(PREFIXES)}
    return {**kept, "PYTHONPATH": os.pathsep.join([str(ROOT), *(sys.path if packages else ())])}


def forget_secrets() -> None:
    """Take the secrets out of our own environment once they were read, so that no process started later has them."""
    for name in SECRET:
        os.environ.pop(name, None)
