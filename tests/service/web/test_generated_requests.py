"""Some hundred generated requests, whose answers must be as described; `./run fuzz` sends many thousands."""

from pathlib import Path

from tests.nightly.fuzz import answered, generated, listened, tell
from tests.service.processes import serving


def test_what_generated_requests_are_answered_is_described(database: str, tmp_path: Path) -> None:
    settings = {"DAYBOOK_DATABASE_URL": database, "DAYBOOK_LOG_REQUESTS": "false"}
    with serving(tmp_path / "home", settings) as service:
        tell(service)
        listened(service)
        generated(service, "--phases", "fuzzing", "-n", "2", "--seed", "20240131")
        found = answered(service)
    assert sum(found.values()) >= 300
    assert not [status for status in found if status >= "500"]
