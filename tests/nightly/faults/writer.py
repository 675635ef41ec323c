"""A writer that shares no code with the service: it sends batches, and keeps a record of what it was told.

python -I writer.py FOLDER NAME [NUMBER]

FOLDER holds `addresses` (a line each: where services answer; read again before every attempt), `token`, and `stop` once
nothing new is to be begun. The record is FOLDER/NAME.record, a JSON object a line: what is about to be sent, then each
answer. A batch is sent again, with the same ids, until it is acknowledged or refused. A writer with a number sends all
of it to the service of that number, while there is one; others go from one service to the next.
"""

import http.client
import json
import os
import sys
import time
from typing import Any
from urllib.parse import urlsplit

EVENTS = "/api/v1/events"
#: How long an answer may take; the service promises one within 20 seconds.
TIMEOUT_S = 40.0
#: Between two attempts.
PAUSE_S = 0.1
#: Between two batches, so that two cores are left with something.
THINK_S = 0.01
#: How long after `stop` a batch is still sent again.
LAST_S = 60.0


class Writer:
    """One writer, one batch at a time."""

    def __init__(self, folder: str, name: str, number: int | None = None) -> None:
        self.folder = folder
        self.name = name
        self.turn = number or 0
        self.is_loyal = number is not None
        self.record = os.open(os.path.join(folder, f"{name}.record"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with open(os.path.join(folder, "token"), encoding="ascii") as file:
            self.token = file.read().strip()

    def write(self) -> None:
        """Send batch after batch until told to stop."""
        number = 0
        while not self.is_stopped():
            number += 1
            batch = self.batch(number)
            self.note({"batch": number, "events": batch})
            self.insist(number, json.dumps(batch).encode())
            time.sleep(THINK_S)

    def batch(self, number: int) -> list[dict[str, Any]]:
        """An order, and on every third occasion the receipt of its goods."""
        order = f"{self.name}-{number}"
        placed = {
            "order_id": order,
            "buyers": ["baidu"],
            "vendor_id": "huawei",
            "currency": "CNY",
            "lines": [{"line": "1", "product_id": "910b", "quantity": str(number), "amount": str(number * 100)}],
        }
        events = [{"type": "order-placed", "id": f"{order}-placed", "effective_on": "2023-08-31", "data": placed}]
        if number % 3 == 0:
            arrived = {"order_id": order, "receipts": [{"line": "1", "quantity": "1", "amount": "100"}]}
            events.append(
                {"type": "goods-received", "id": f"{order}-received", "effective_on": "2023-09-30", "data": arrived}
            )
        return events

    def insist(self, number: int, body: bytes) -> None:
        """Send a batch until something final is answered."""
        stopped_at: float | None = None
        while True:
            began = time.monotonic()
            try:
                status, text = self.post(body)
            except (OSError, http.client.HTTPException) as error:
                self.note({"batch": number, "began": began, "ended": time.monotonic(), "broken": type(error).__name__})
            else:
                answer = {"batch": number, "began": began, "ended": time.monotonic(), "status": status}
                if status in (200, 201):
                    told = json.loads(text)
                    self.note({**answer, "places": {event["id"]: event["position"] for event in told["events"]}})
                    return
                if status not in (429, 503):
                    self.note({**answer, "wrong": text[:2000]})
                    return
                self.note(answer)
            if self.is_stopped():
                stopped_at = stopped_at or time.monotonic()
                if time.monotonic() > stopped_at + LAST_S:
                    return
            time.sleep(PAUSE_S)

    def post(self, body: bytes) -> tuple[int, str]:
        """One attempt, at one of the services in turn."""
        with open(os.path.join(self.folder, "addresses"), encoding="ascii") as file:
            addresses = file.read().split()
        if not self.is_loyal:
            self.turn += 1
        address = urlsplit(addresses[self.turn % len(addresses)])
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT_S)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            connection.request("POST", EVENTS, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def is_stopped(self) -> bool:
        """Whether nothing new is to be begun."""
        return os.path.exists(os.path.join(self.folder, "stop"))

    def note(self, line: dict[str, Any]) -> None:
        """Add a line to the record before anything else happens."""
        os.write(self.record, json.dumps(line).encode() + b"\n")


if __name__ == "__main__":
    Writer(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])).write()
