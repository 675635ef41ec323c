"""Idempotency keys in PostgreSQL: what became of the requests that were sent under them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import tuple_row

from service.postgres.statements import statements_of
from service.recording.receipts import CommandReceipt, IdempotencyKey, KeptReceipt, Remembered
from service.storing.ledger import LedgerDatastore

SQL = statements_of(__file__)


class KeyTaken(Exception):
    """Another process has recorded something under the key just now."""


def recall(datastore: LedgerDatastore, keys: Sequence[IdempotencyKey]) -> Mapping[tuple[str, str], KeptReceipt]:
    """What is recorded under keys, by actor and key, as far as there is anything."""
    actors, names = [key.actor for key in keys], [key.key for key in keys]
    with datastore.get_connection() as connection:
        rows = connection.cursor(row_factory=tuple_row).execute(SQL["recall"], (actors, names), prepare=True)
        return {
            (actor, key): KeptReceipt(bytes(fingerprint), Remembered.read(json.loads(receipt)))
            for actor, key, fingerprint, receipt in rows
        }


def keep(connection: Connection[Any], receipts: Sequence[tuple[IdempotencyKey, CommandReceipt]]) -> None:
    """Record what became of requests, in the transaction that records their events; KeyTaken where one is there."""
    keep_answers(connection, [(key, receipt.to_keep()) for key, receipt in receipts])


def keep_answers(connection: Connection[Any], receipts: Sequence[tuple[IdempotencyKey, Mapping[str, Any]]]) -> None:
    """The same for anything else that is made under a key, with the answer that is kept."""
    if not receipts:
        return
    columns = (
        [key.actor for key, _ in receipts],
        [key.key for key, _ in receipts],
        [key.fingerprint for key, _ in receipts],
        [json.dumps(answer) for _, answer in receipts],
    )
    if connection.execute(SQL["keep"], columns, prepare=True).rowcount < len(receipts):
        raise KeyTaken
