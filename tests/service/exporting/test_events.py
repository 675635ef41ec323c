"""Recorded events in other formats: the stored bytes, whole CloudEvents, and columns with types."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cloudevents.core.formats.json import JSONFormat

from service.daybook import Daybook
from service.exporting import events
from service.exporting.events import WRITERS, ExportSelection
from service.exporting.files import written
from service.shapes.cloud_events import batch, source_of, structured


def pages(daybook: Daybook, **chosen: Any) -> Iterator[Any]:
    """The pages of a selection of all events, or of some."""
    head = daybook.ledger.recorder.head().position
    return ExportSelection(**{"upto": head, **chosen}).pages(daybook.ledger.recorder, lambda done, last: None)


def exported(daybook: Daybook, name: str, **chosen: Any) -> bytes:
    """A selection in a format."""
    output = io.BytesIO()
    count = WRITERS[name](output, pages(daybook, **chosen), "example.org/our ledger")
    assert count == sum(len(rows) for rows in pages(daybook, **chosen))
    return output.getvalue()


def stored(daybook: Daybook) -> list[bytes]:
    """The bytes of every event."""
    return [row.state for row in daybook.ledger.recorder.rows_after(0, 10_000)]


def test_ndjson_is_the_log_byte_for_byte(daybook: Daybook, monkeypatch: pytest.MonkeyPatch) -> None:
    states = stored(daybook)
    assert exported(daybook, "ndjson") == b"".join(state + b"\n" for state in states)
    assert exported(daybook, "ndjson", after=10, upto=12) == b"".join(state + b"\n" for state in states[10:12])
    assert exported(daybook, "ndjson", upto=0) == b""
    monkeypatch.setattr(events, "PAGE_EVENTS", 3)
    assert exported(daybook, "ndjson").splitlines() == states
    placed = [state for state in states if b'"type":"order-placed"' in state]
    assert exported(daybook, "ndjson", types=("order-placed",)).splitlines() == placed
    one = exported(daybook, "ndjson", streams=("order/baidu-huawei-2023-08",)).splitlines()
    assert [json.loads(state)["version"] for state in one] == list(range(1, len(one) + 1))


def test_the_cloudevents_library_reads_every_event(daybook: Daybook) -> None:
    lines = exported(daybook, "cloudevents").splitlines()
    for line, state in zip(lines, stored(daybook), strict=True):
        event, recorded = JSONFormat().read(None, line), json.loads(state)
        assert event.get_id() == recorded["id"]
        assert event.get_source() == "urn:daybook:ledger:example.org/our%20ledger"
        assert event.get_type() == "daybook." + recorded["type"]
        assert event.get_subject() == recorded["stream"]
        assert event.get_time() == datetime.fromisoformat(recorded["recorded_at"]).astimezone(UTC)
        assert event.get_dataschema() == f"urn:daybook:event:{recorded['type']}:{recorded['v']}"
        assert event.get_extension("position") == str(recorded["position"])
        assert event.get_data() == recorded
        # The stored bytes are in it whole, so that their hash can be taken.
        assert line.endswith(b',"data":' + state + b"}")
        message = HTTPMessage({"content-type": "application/cloudevents+json"}, line)
        assert from_http_event(message, JSONFormat()).get_id() == recorded["id"]


def test_a_batch_is_an_array(daybook: Daybook) -> None:
    states = stored(daybook)[:3]
    source = source_of("daybook")
    assert json.loads(batch(states, source)) == [json.loads(structured(state, source)) for state in states]
    assert batch([], source) == b"[]"


def test_parquet_and_arrow_have_typed_columns(daybook: Daybook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PAGE_EVENTS", 7)
    table = pq.read_table(io.BytesIO(exported(daybook, "parquet")))
    assert pa.ipc.open_stream(exported(daybook, "arrow")).read_all().combine_chunks().equals(table.combine_chunks())
    assert table.schema.field("recorded_at").type == pa.timestamp("us", tz="UTC")
    for row, state in zip(table.to_pylist(), stored(daybook), strict=True):
        recorded = json.loads(state)
        assert row["recorded_at"] == datetime.fromisoformat(recorded["recorded_at"])
        assert row["known_on"].isoformat() == recorded["known_on"]
        assert json.loads(row["data"]) == recorded["data"]
        assert (row["source"] and json.loads(row["source"])) == recorded.get("source")
        plain = ("position", "id", "type", "v", "stream", "version", "effective_on", "basis", "actor", "corrects")
        assert {name: row[name] for name in plain} == {name: recorded.get(name) for name in plain}


def test_csv_has_a_row_an_event(daybook: Daybook) -> None:
    rows = list(csv.DictReader(io.StringIO(exported(daybook, "csv").decode(), newline="")))
    for row, state in zip(rows, stored(daybook), strict=True):
        recorded = json.loads(state)
        assert int(row["position"]) == recorded["position"]
        assert row["recorded_at"] == recorded["recorded_at"]
        assert json.loads(row["data"]) == recorded["data"]
        assert row["corrects"] == recorded.get("corrects", "")


def test_a_file_appears_when_it_is_whole(tmp_path: Any) -> None:
    target = tmp_path / "events.ndjson"
    target.write_text("before")

    def write_half() -> None:
        with written(str(target)) as output:
            output.write(b"half")
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        write_half()
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]
    with written(str(target)) as output:
        output.write(b"whole")
    assert target.read_text() == "whole"


def test_the_same_events_make_the_same_compressed_file(tmp_path: Any) -> None:
    made = []
    for name in ("one.ndjson.gz", "two.ndjson.gz"):
        with written(str(tmp_path / name)) as output:
            output.write(b'{"position":1}\n')
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]
    assert gzip.decompress(made[0]) == b'{"position":1}\n'
