"""The transaction of one append: how decided events are sent to PostgreSQL."""

import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from psycopg import Connection

from service.postgres.statements import statements_of
from service.storing.writing import COPY_END, COPY_OPENING, Head, Written

SQL = statements_of(__file__)
#: NOTIFY channel that says "something was appended".
CHANNEL = "ledger_events"
#: From so many events on, binary COPY is faster than one insert.
COPIED_EVENTS = 200
#: What may wait in the socket, as far as the system allows: PostgreSQL goes on while this process does other things.
SENT_AHEAD_BYTES = 2 * 1024 * 1024


class Appending:
    """The transaction of one append: the head is ours until it ends."""

    def __init__(self, connection: Connection[Any], head: Head) -> None:
        self.connection = connection
        self.head = head

    def insert(self, events: Written) -> None:
        """Append events that continue the head, and notify those who wait for new ones when the transaction commits."""
        if events.many >= COPIED_EVENTS:
            self.copy([events.rows()])
        elif events.many:
            self.connection.execute(SQL["insert"], (*events.columns, CHANNEL))

    def copy(self, parts: Iterable[bytes]) -> None:
        """The same for many events, as rows of binary COPY: PostgreSQL takes them in while the next are being made."""
        _send_further_ahead(self.connection)
        with self.connection.cursor().copy(SQL["copy"]) as copy:
            copy.write(COPY_OPENING)
            for rows in parts:
                copy.write(rows)
            copy.write(COPY_END)
        self.connection.execute(f"notify {CHANNEL}".encode())


def _send_further_ahead(connection: Connection[Any]) -> None:
    """Give the connection's socket a larger buffer, where it is one within this machine (TCP finds its own size)."""
    with suppress(OSError, AttributeError), socket.socket(fileno=os.dup(connection.fileno())) as wire:
        if wire.family == socket.AF_UNIX:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT_AHEAD_BYTES)
