"""Metrics as Prometheus reads them."""

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from service.daybook import Daybook
from tests.service.web.conftest import EVENTS, client, daybook, seeded, settings  # noqa: F401  # fixtures


def scraped(client: TestClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:  # noqa: F811
    """Every sample by name and labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def test_requests_and_appends_are_counted(seeded: TestClient) -> None:  # noqa: F811
    for _ in range(2):
        assert seeded.get(f"{EVENTS}/900").status_code == 404
    samples = scraped(seeded)

    def counted(method: str, route: str, status: str) -> float:
        labels = (("method", method), ("route", route), ("status", status))
        return samples["daybook_http_requests_total", labels]

    assert counted("POST", "/api/v1/events", "201") == 1
    assert counted("GET", "/api/v1/events/{position}", "404") == 2
    assert samples["daybook_append_group_events_sum", ()] == 56
    assert samples["daybook_append_group_events_count", ()] == 1
    assert samples["daybook_ledger_events_total", ()] == 56
    assert samples["daybook_append_waiting_commands", ()] == 0
    assert samples["daybook_database_up", ()] == 1


def test_what_no_route_answers_is_one_route(client: TestClient) -> None:  # noqa: F811
    for path in ("/a", "/b", "/c/d"):
        assert client.get(path).status_code == 404
    labels = (("method", "GET"), ("route", "(none)"), ("status", "404"))
    assert scraped(client)["daybook_http_requests_total", labels] == 3


def test_how_far_the_views_are_behind_is_told(seeded: TestClient, daybook: Daybook) -> None:  # noqa: F811
    daybook.follower.wait_for(56, 10)
    samples = scraped(seeded)
    assert samples["daybook_projection_position", ()] == 56
    assert samples["daybook_projection_lag_events", ()] == 0
    assert samples["daybook_projection_lag_seconds", ()] == 0
    assert samples["daybook_projection_progress_ratio", ()] == 1
    assert samples["daybook_projection_stopped", ()] == 0
    assert samples["daybook_checkpoint_age_seconds", ()] >= 0
    covered = samples["daybook_checkpoint_size", ()] + samples["daybook_checkpoint_uncovered_events", ()]
    assert covered == 56


@pytest.mark.parametrize("secret", ["s3cret-query", "a-recorder's-token"])
def test_neither_query_nor_token_stands_in_metrics(client: TestClient, secret: str) -> None:  # noqa: F811
    client.get(EVENTS, params={"stream": "s3cret-query"})
    assert secret not in client.get("/metrics").text
