"""Sends a real service thousands of generated requests, and fails where an answer is 5xx or not as described.

./run fuzz [--requests 20000] [--seed 1]
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from service.web.examples import STORY
from tests.service.postgres_owner import ROOT
from tests.service.processes import TOKEN, Service, serving

#: An answer must be one that is described, in its status, its media type, its headers and its content.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "allow_header_conformance",
    "unsupported_method",
    "ignored_auth",
)
#: It answers for as long as one listens; `listened` asks it by itself.
ENDLESS = "stream_events"
#: Requests of each operation in one round.
EXAMPLES = 40
#: What an answer may take on a busy machine.
TIMEOUT_S = 60


class Failed(Exception):
    """Answers were not as they must be."""


def tell(service: Service) -> None:
    """Record the story, so that there is something to ask about."""
    with service.client() as client:
        for step in STORY:
            answer = client.post(f"/api/v1{step.path}", json=step.body)
            assert answer.status_code == 201, answer.text


def generated(service: Service, *arguments: str) -> None:
    """Have Schemathesis send what it makes of the description; Failed with what it found."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{service.address}/openapi.json"),
        *("--url", service.address, "--header", f"Authorization: Bearer {TOKEN}", "--checks", ",".join(CHECKS)),
        *("--exclude-operation-id", ENDLESS, "--request-timeout", str(TIMEOUT_S), "--continue-on-failure"),
        *("--generation-database", "none", "--suppress-health-check", "all", "--warnings", "off", "--no-color"),
        *arguments,
    ]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.nightly.generated", "PYTHONPATH": str(ROOT)}
    # What it keeps for another time lies where the home does, and goes with it.
    ended = subprocess.run(
        command, cwd=service.home.parent, env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        raise Failed(f"{ended.stdout[-20_000:]}\n{ended.stderr[-5_000:]}")


def listened(service: Service) -> None:
    """Ask for streams of events in all sorts of ways, and hear what comes first of each; Failed where that is wrong."""
    asked = (
        ({"after": "0"}, {}, 200),
        ({}, {}, 200),
        ({"after": "0", "type": "order-placed"}, {}, 200),
        ({"after": "0", "stream": "order/none", "other": "1"}, {"Last-Event-ID": ""}, 200),
        ({"after": "999999999"}, {}, 400),
        ({"after": "-1"}, {}, 422),
        ({"after": "x"}, {}, 422),
        ({"after": str(2**70)}, {}, 422),
        ({}, {"Last-Event-ID": "7x"}, 400),
        ({}, {"Last-Event-ID": "9" * 30}, 400),
    )
    with service.client() as client:
        for query, headers, status in asked:
            with client.stream("GET", "/api/v1/events/stream", params=query, headers=headers) as answer:
                first = next(answer.iter_lines())
            if answer.status_code != status or (status == 200 and not first.startswith((":", "retry:"))):
                raise Failed(f"stream_events {query} {headers}: {answer.status_code} {first}")


def answered(service: Service) -> dict[str, int]:
    """How many requests the service has answered, by status."""
    with service.client() as client:
        lines = client.get("/metrics").text.splitlines()
    found: dict[str, int] = {}
    for line in lines:
        if match := re.fullmatch(r'daybook_http_requests_total\{.*status="(\d+)"\} ([\d.e+]+)', line):
            found[match[1]] = found.get(match[1], 0) + int(float(match[2]))
    return found


def fuzz(requests: int, seed: int) -> dict[str, int]:
    """Send at least so many requests to a service on a home of its own; its answers by status. Failed otherwise."""
    with (
        tempfile.TemporaryDirectory(prefix="fuzz-") as folder,
        serving(Path(folder) / "home", {"DAYBOOK_LOG_REQUESTS": "false"}) as service,
    ):
        tell(service)
        listened(service)
        # Some tens of thousands of its own choice: every boundary of every parameter and field.
        generated(service, "--phases", "examples,coverage", "--seed", str(seed))
        while True:
            seed += 1
            generated(service, "--phases", "fuzzing,stateful", "-n", str(EXAMPLES), "--seed", str(seed))
            done = sum(answered(service).values())
            report(f"{done} requests")
            if done >= requests:
                break
        if not service.is_ready():
            raise Failed("the service is not ready afterwards")
        return answered(service)


def report(words: str) -> None:
    """Say how far it is."""
    sys.stderr.write(f"fuzz: {time.strftime('%H:%M:%S')} {words}\n")


def main() -> int:
    """Send them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    try:
        found = fuzz(wanted.requests, wanted.seed)
    except Failed as failed:
        sys.stderr.write(f"{failed}\n")
        return 1
    report(f"{sum(found.values())} requests, every answer as described: {dict(sorted(found.items()))}")
    return 1 if any(status >= "500" for status in found) else 0


if __name__ == "__main__":
    sys.exit(main())
