# Made from the types of events by `python -m service.client.generating`: change those, then run this.
"""Where facts are posted, as the types of events say."""

from typing import Literal

#: What begins a thing is posted here.
Collection = Literal[
    "orders", "organizations", "products", "partnerships", "regulations", "supply-assertions", "exchange-rates"
]
#: What happened to one of its things is posted below the thing under one of these.
Subject = Literal[
    "amendments",
    "cancellations",
    "receipts",
    "returns",
    "allocations",
    "changes",
    "endings",
    "suspensions",
    "resumptions",
    "repeals",
    "licences",
    "licence-revocations",
]
