"""Partnerships between organisations."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, model_validator

from domain.events import Recorded
from domain.orders import refuse_repeats
from domain.values import EventData, Identifier, Mention, Optional, Text, example

Parties = Annotated[list[Identifier], Field(min_length=2)]


class PartnershipData(EventData):
    """What every event of a partnership carries."""

    KIND = "partnership"
    IDENTITY = "partnership_id"

    partnership_id: Identifier


def parties_mentioned(parties: list[str] | None) -> list[Mention]:
    """The organisations that are parties."""
    return [Mention(f"/parties/{n}", "organization", party) for n, party in enumerate(parties or ())]


class PartnershipFormed(PartnershipData):
    """Two or more organisations begin to work together."""

    NAME = "partnership-formed"
    BEGINS = True
    COLLECTION = "partnerships"
    EXAMPLE = example(
        partnership_id="baidu-huawei",
        parties=["baidu", "huawei"],
        kind="technical",
        scope="PaddlePaddle on Ascend",
        effective_on="2020",
        known_on="2020-12-31",
    )

    parties: Parties
    kind: Text
    scope: Text

    @model_validator(mode="after")
    def _once_each(self) -> "PartnershipFormed":
        refuse_repeats(self.parties, "party")
        return self

    def mentions(self) -> list[Mention]:
        """The parties."""
        return parties_mentioned(self.parties)


class PartnershipChanged(PartnershipData):
    """What is different about a partnership from a date on."""

    NAME = "partnership-changed"
    SUBJECT = "changes"
    EXAMPLE = example(
        scope="PaddlePaddle on Ascend, and supply",
        effective_on="2023-08",
        known_on="2023-11-07",
        id="baidu-huawei-widened",
    )

    parties: Optional[Parties] = None
    kind: Optional[Text] = None
    scope: Optional[Text] = None

    @model_validator(mode="after")
    def _something(self) -> "PartnershipChanged":
        if not self.model_fields_set - {"partnership_id"}:
            raise ValueError("says nothing: give parties, kind or scope")
        refuse_repeats(self.parties or [], "party")
        return self

    def mentions(self) -> list[Mention]:
        """The parties."""
        return parties_mentioned(self.parties)


class PartnershipEnded(PartnershipData):
    """The partnership is over from its end on."""

    NAME = "partnership-ended"
    SUBJECT = "endings"
    EXAMPLE = example(reason="Not renewed", effective_on="2025-01-01", known_on="2025-01-10")

    reason: Optional[Text] = None


@dataclass(frozen=True, slots=True)
class PartnershipState:
    """That the partnership was formed is all that decisions need to know of it."""


def apply(state: PartnershipState | None, event: Recorded) -> PartnershipState:
    """The partnership after the event."""
    return state or PartnershipState()
