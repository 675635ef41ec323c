"""How every connection of the service to PostgreSQL is made, and how one is cut that nothing comes back from."""

import os
import socket
from contextlib import suppress
from typing import Any

from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict

#: What PostgreSQL may keep of an append in memory until its triggers have seen it: a group of the committer's has some
#: six megabytes, and more than it may keep it writes to a file and reads again.
WORK_MEMORY = "32MB"
#: No session waits longer than this for a lock: a process that was stopped may hold the head's for as long as it lives.
LOCK_TIMEOUT_S = 5
#: What notices within a quarter of a minute that the other end of a connection is gone without having said so: probes
#: where nothing is said, and a limit for what is said and not acknowledged. Over a unix socket they do nothing.
NOTICING: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 14_000,
}


def noticing(conninfo: str) -> dict[str, Any]:
    """What psycopg.connect takes for a connection that notices when it is lost; what the operator has set stands."""
    return {**NOTICING, **conninfo_to_dict(conninfo)}


def settings_of(conninfo: str, role: str) -> dict[str, Any]:
    """The same for a connection of the service's, in its role."""
    given = noticing(conninfo)
    own = f"-c role={role} -c work_mem={WORK_MEMORY} -c lock_timeout={LOCK_TIMEOUT_S}s"
    return {**given, "options": f"{given.get('options') or ''} {own}".strip()}


def cut(connection: Connection[Any]) -> None:
    """Break a connection from another thread: who waits for an answer gets an error."""
    with suppress(Exception), socket.socket(fileno=os.dup(connection.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)
