"""Every hostile input is answered in words; it costs what a harmless one does, and the service goes on."""

import pytest

from tests.hostile.bodies import BODIES
from tests.hostile.files import FILES
from tests.hostile.heads import HEADS, PARAMETERS
from tests.hostile.meanings import MEANINGS
from tests.hostile.rows import FLOOR_S, Hostile, Request, Sent, Upload, Wire
from tests.hostile.watching import Watched

ROWS: tuple[Hostile, ...] = (*HEADS, *PARAMETERS, *BODIES, *FILES, *MEANINGS)


def harmless_s(watched: Watched, sent: Sent) -> float:
    """What a harmless input takes; one that is like another is sent once."""
    key = _sort_of(sent)
    if key not in watched.harmless:
        with watched.measured() as used:
            watched.send(sent)
        watched.harmless[key] = used.processor_s
    return watched.harmless[key]


def _sort_of(sent: Sent) -> str:
    """What makes one harmless input like another: where it is sent, and about how long it is."""
    match sent:
        case Wire(data):
            return f"wire {len(data) // 100_000}"
        case Upload(file, asked):
            return f"upload {sorted(asked.items())} {len(file) // 100_000}"
        case Request(method, path, body):
            return f"{method} {path} {len(body) // 100_000}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_is_hostile_is_refused_cheaply_and_the_service_goes_on(watched: Watched, row: Hostile) -> None:
    if row.before is not None:
        row.before(watched)
    allowed_s = max(FLOOR_S, row.costs * harmless_s(watched, row.harmless()))
    sent, said_before = row.made(), len(watched.service.said)
    with watched.measured() as used:
        answer = watched.send(sent)
    assert answer.status in row.statuses, answer
    assert row.says.lower() in answer.said.lower(), answer
    assert "Traceback" not in answer.said
    assert used.processor_s <= allowed_s, (used, allowed_s)
    assert used.grown_mb <= row.grows_mb, used
    assert watched.is_well()
    assert not [line for line in watched.service.said[said_before:] if "Traceback" in line]
