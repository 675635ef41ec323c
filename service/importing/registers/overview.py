"""What a table that is no table of order lines holds, for a dry run."""

import json

from domain.periods import parse_period
from service.importing.plans import Entry, ImportPlan
from service.shapes.overviews import Newcomers, RecordsOverview, TableOverview

#: Entries and names that are shown, and characters of what an entry says.
MOST_SAMPLES, MOST_NAMES, LONGEST_SAMPLE = 3, 10, 300
#: How the types of events end that begin something or say it for the first time.
BEGINNING = ("-registered", "-enacted", "-published", "-formed")


def records_overview(rows: int, plan: ImportPlan) -> TableOverview:
    """What is new, what is changed, what is known, from when until when, and the first three entries as read."""
    new = [entry for entry in plan.entries if str(entry.sent["type"]).endswith(BEGINNING)]
    periods = [parse_period(entry.sent["effective_on"]) for entry in plan.entries]
    records = RecordsOverview(
        len(new),
        len(plan.entries) - len(new),
        len(plan.known),
        len(plan.reported),
        [entry.row for entry in new[:MOST_NAMES]],
        [_sample(entry) for entry in plan.entries[:MOST_SAMPLES]],
    )
    return TableOverview(
        rows,
        0,
        0,
        [],
        min((one.first or one.last) for one in periods).isoformat() if periods else None,
        max(one.last for one in periods).isoformat() if periods else None,
        Newcomers(0, 0, []),
        Newcomers(0, 0, []),
        [],
        [],
        records=records,
    )


def _sample(entry: Entry) -> str:
    sent = entry.sent
    said = json.dumps(sent["data"], ensure_ascii=False)
    return f"line {entry.line}: {sent['type']}, {sent['effective_on']}: {said}"[:LONGEST_SAMPLE]
