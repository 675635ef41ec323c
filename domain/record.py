"""Events about events: retracting one, and annotating one."""

from domain.values import EventData, Identifier, Text, example


class EventRetracted(EventData):
    """A recorded event was wrong; it stays in the ledger, and views that see this stop counting it."""

    NAME = "event-retracted"
    KIND = ""
    IDENTITY = "retracts"
    RETRACTS = True
    SUBJECT = "corrections"
    EXAMPLE = example(retracts="baidu-huawei-received", reason="The delivery note says 960, not 1000.")

    #: The event's id.
    retracts: Identifier
    reason: Text


class EventAnnotated(EventData):
    """A note on a recorded event; no figure changes."""

    NAME = "event-annotated"
    KIND = ""
    IDENTITY = "annotates"
    SUBJECT = "annotations"
    EXAMPLE = example(
        annotates="baidu-huawei-placed",
        note="Confirmed by two persons familiar with the matter.",
        effective_on="2023-11-07",
        known_on="2023-11-07",
    )

    #: The event's id.
    annotates: Identifier
    note: Text
