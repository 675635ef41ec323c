"""The ledger of the exports."""

from tests.service.exporting.conftest import daybook, desk, empty_database, settings

__all__ = ["daybook", "desk", "empty_database", "settings"]
