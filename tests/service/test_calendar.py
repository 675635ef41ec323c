"""Today is the day of the time zone that the operator chose, wherever it is asked about."""

import io
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from domain.catalogue import read_request
from domain.errors import Invalid
from service.asking.comparisons import CannotBeSupposed, Comparisons
from service.asking.questions import Questions
from service.calendar import Calendar
from service.codes import codes
from service.daybook import open_daybook
from service.importing.importing import import_file
from service.importing.plans import RowRefused, Summary
from service.importing.streaming import Options
from service.settings import Settings

#: At any time one of them has another day than UTC.
FAR_EAST, FAR_WEST = "Pacific/Kiritimati", "Etc/GMT+12"


def registered(name: str, known_on: date) -> dict[str, Any]:
    """A request that says when it could be known."""
    data = {"organization_id": name, "name": name.title(), "country": "DE"}
    said = {"type": "organization-registered", "effective_on": "2020", "known_on": known_on.isoformat()}
    return {**said, "id": f"{name}-{known_on}", "data": data}


def test_an_instant_is_of_one_day_here_and_of_another_elsewhere() -> None:
    moment = datetime(2026, 11, 30, 17, 0, tzinfo=UTC)
    assert Calendar().day_of(moment) == date(2026, 11, 30)
    assert Calendar.of("Asia/Shanghai").day_of(moment) == date(2026, 12, 1)
    assert Calendar.of("America/New_York").day_of(moment.replace(hour=3)) == date(2026, 11, 29)


def test_one_of_the_zones_has_another_day_than_utc() -> None:
    now = datetime.now(UTC)
    assert {Calendar.of(zone).day_of(now) for zone in (FAR_EAST, FAR_WEST)} != {now.date()}


@pytest.mark.parametrize("zone", [FAR_EAST, FAR_WEST])
def test_today_is_that_of_the_zone_everywhere(database: str, tmp_path: Path, zone: str) -> None:
    settings = Settings(home=tmp_path / "home", database_url=SecretStr(database), time_zone=zone)
    today = Calendar.of(zone).today()
    tomorrow = today + timedelta(1)
    future = f"{tomorrow} is in the future: today is {today} ({zone})"
    with open_daybook(settings, follow=False) as daybook:
        # Recording.
        daybook.committer.record([read_request(registered("acme", today), codes())])
        with pytest.raises(Invalid) as refused:
            daybook.committer.record([read_request(registered("other", tomorrow), codes())])
        assert future in str(refused.value)

        # Importing, and rehearsing it.
        for dry_run in (True, False):
            for day in (today, tomorrow):
                file = io.BytesIO(json.dumps(registered(f"imported-{dry_run}", day)).encode())
                summary = Summary("-", "ndjson", 0, dry_run)
                if day == today:
                    import_file(daybook, file, summary, Options(dry_run))
                    assert summary.recorded == 1
                else:
                    with pytest.raises(RowRefused) as left_out:
                        import_file(daybook, file, summary, Options(dry_run))
                    assert future in str(left_out.value)

        # Supposing.
        daybook.follower.catch_up()
        comparisons = Comparisons(daybook, 5.0)
        supposed = comparisons.suppose_dependence({}, [read_request(registered("maybe", today), codes())])
        assert len(supposed["supposed"]) == 1
        with pytest.raises(CannotBeSupposed) as not_supposed:
            comparisons.suppose_dependence({}, [read_request(registered("never", tomorrow), codes())])
        assert future in str(not_supposed.value)

        # Asking.
        answer = Questions(daybook, 5.0).vendor_dependence({})
        assert answer["resolved"]["effective_on"] == today.isoformat()
        assert comparisons.series({"from": ["2020-01-01"]})["to"] == today.isoformat()
