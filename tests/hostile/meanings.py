"""Inputs that are right and easily misread: how they are written, or how often sent, must not matter."""

import json
import unicodedata
from typing import Any

from tests.hostile.bodies import organization, posted
from tests.hostile.files import lines, release, upload
from tests.hostile.rows import Hostile, Sent, Upload, padded, plain
from tests.service.importing.order_tables import rows_csv

NAME = "Завод «Йод» 하나"
#: Nobody else in the table buys for them or makes what they buy.
OTHERS = {"Unit": "Ghana", "Maker": "A maker of its own"}
TWICE = {**organization("twice"), "id": "sent-twice"}


def sent_once(watched: Any) -> None:
    """The first of two requests that are alike."""
    watched.client.post("/api/v1/events", json=[TWICE, TWICE]).raise_for_status()


def one_name_in_two_forms() -> Sent:
    """Orders of one supplier, whose name is written with composed and with decomposed letters."""
    forms = [unicodedata.normalize(form, NAME) for form in ("NFC", "NFD")]
    assert forms[0] != forms[1]
    return upload(
        rows_csv(*({"PO": f"FORM-{place}", "Supplier": form, **OTHERS} for place, form in enumerate(forms))), "csv"
    )


def untagged() -> Sent:
    """A release that does not say what it is."""
    told = json.loads(release(contracts=[]))
    del told["releases"][0]["tag"]
    return Upload(json.dumps(told).encode(), {"format": "ocds"})


def row(name: str, made: Any, says: str, statuses: tuple[int, ...] = (200, 201), **more: Any) -> Hostile:
    """A row that costs what any other of its kind does."""
    return Hostile(name, made, lambda: upload(lines(), "csv"), statuses, says, **more)


MEANINGS = (
    row("one name in two forms of Unicode", one_name_in_two_forms, '"organization-registered": 3'),
    row("a batch with an event twice, sent again", lambda: posted([TWICE, TWICE]), '"count": 1', before=sent_once),
    row("a release without a tag", untagged, '"state": "done"'),
    Hostile(
        "separators of Unicode in a name",
        lambda: posted(organization("separated", name="one\u2028two\u2029three\u0085four")),
        padded(200),
        (201,),
        '"count": 1',
    ),
    *(
        Hostile(f"the instant {text}", plain(f"/api/v1/events?limit=1&recorded_from={text}"), plain(), (200,))
        for text in ("2024-01-01t00:00:00z", "2016-12-31T23:59:60Z", "2024-01-01T00:00:00.123456789%2B05:30")
    ),
)
