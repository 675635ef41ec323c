"""A client of the service for Python programs, blocking and asynchronous."""

from service.client.attempts import Patience
from service.client.awaiting import AsyncClient
from service.client.blocking import Client
from service.client.problems import (
    Changed,
    ClientError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    NotSynced,
    NotUnderstood,
    Refused,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    Unreached,
)

__all__ = [
    "AsyncClient",
    "Changed",
    "Client",
    "ClientError",
    "Conflict",
    "Forbidden",
    "Invalid",
    "NotFound",
    "NotSynced",
    "NotUnderstood",
    "Patience",
    "Refused",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "Unreached",
]
