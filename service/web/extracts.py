"""What an import over HTTP is asked of a table that says how things stand on a day."""

from datetime import date
from typing import Annotated, Literal

from fastapi import Query

from service.importing.reading.messages import ExtractTask
from service.web.problems import HttpProblem

Mode = Literal["events", "state"]


def extract_of(
    mode: Annotated[
        Mode,
        Query(description="Whether rows are facts of their own days, or say how orders stand on the day `as_of`."),
    ] = "events",
    as_of: Annotated[date | None, Query(description="With mode=state: the day on which things stand so.")] = None,
    missing: Annotated[
        Literal["report", "cancel"] | None,
        Query(description="With mode=state: what becomes of orders that earlier extracts had and this one has not."),
    ] = None,
    correct: Annotated[
        bool, Query(description="With mode=state: what differs has always been so; retract and replace.")
    ] = False,
    allow_older: Annotated[
        bool, Query(description="With mode=state: take a file that is older than the last one of its scope.")
    ] = False,
    confirm_missing: Annotated[
        bool, Query(description="With mode=state: take a file without a scope that lacks more than a fifth.")
    ] = False,
) -> ExtractTask | None:
    """What is asked of an extract; None: the file is none. HttpProblem where the parameters do not go together."""
    if mode == "state":
        if as_of is None:
            raise invalid_parameter("/as_of", "mode=state needs the day on which things stand so")
        return ExtractTask(as_of, missing or "report", correct, allow_older, confirm_missing)
    given = {
        "as_of": as_of is not None,
        "missing": missing is not None,
        "correct": correct,
        "allow_older": allow_older,
        "confirm_missing": confirm_missing,
    }
    for name, is_given in given.items():
        if is_given:
            raise invalid_parameter(f"/{name}", "goes with mode=state")
    return None


def invalid_parameter(pointer: str, detail: str) -> HttpProblem:
    """That a parameter cannot be so."""
    return HttpProblem(
        "invalid", f"{pointer}: {detail}" if pointer else detail, [{"pointer": pointer, "detail": detail}]
    )
