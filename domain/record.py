"""Events about events: retracting one, and annotating one."""

from domain.values import EventData, Identifier, Text


class EventRetracted(EventData):
    """A recorded event was wrong; it stays in the ledger, and views that see this stop counting it."""

    NAME = "event-retracted"
    KIND = ""
    IDENTITY = "retracts"
    RETRACTS = True

    #: The event's id.
    retracts: Identifier
    reason: Text


class EventAnnotated(EventData):
    """A note on a recorded event; no figure changes."""

    NAME = "event-annotated"
    KIND = ""
    IDENTITY = "annotates"

    #: The event's id.
    annotates: Identifier
    note: Text
