"""The log as the rest of the service uses it: opened with the ledger, given what is recorded, asked for proofs."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from eventsourcing.persistence import PersistenceError

from domain.errors import Invalid
from domain.merkle import HASH_BYTES
from domain.notes import write_base64
from domain.proofs import TlogProof
from domain.tiles import HEIGHT, WIDTH, Bundle, Tile
from service.log.keeping import Keeping
from service.log.keys import given_keys, log_name, made_keys
from service.log.publisher import MOST_EVENTS, Publisher, served
from service.log.storage import Issued, LogDamaged, LogStorage
from service.log.tree import BeyondTheTree, Tree
from service.settings import Settings
from service.storing.ledger import Ledger

logger = logging.getLogger(__name__)


class NoCheckpoint(Exception):
    """No checkpoint of the size asked for was issued."""


class TransparencyLog:
    """The log of one open ledger; every method may be called from any thread."""

    def __init__(self, settings: Settings, origin: str, ledger: Ledger, identity: str) -> None:
        #: The origin line of its checkpoints, and the name of its keys.
        self.name = log_name(origin)
        self.storage = LogStorage(ledger.recorder)
        self.tree = Tree(self.storage)
        self.keeping = Keeping(settings.home, identity)
        self.publisher = Publisher(self.name, self.storage, self.tree, self.keeping, given_keys(settings, self.name))
        self._settings = settings
        self._grew = False

    def begin(self) -> None:
        """Issue the first checkpoint where there is none yet."""
        self._grew = self.publisher.begin(lambda: made_keys(self._settings, self.name))
        try:
            self.publisher.follow()
        except LogDamaged as error:
            # What is asked is answered from the events themselves; nothing is signed.
            logger.error("run daybook verify: %s", error)

    def start(self) -> None:
        """Publish in the background; a backlog that would fill the memory is published before."""
        while self.storage.head() - self.publisher.latest.size > MOST_EVENTS and self.publisher.publish(hurry=True):
            pass
        self.publisher.start()

    def recorded(self, first: int, leaves: bytes) -> None:
        """Take note of events that were committed just now: their first position, and the hashes of their leaves."""
        self._grew = True
        self.tree.hand_over(first, leaves)
        self.publisher.wake()

    def root_hash(self, position: int) -> str:
        """The root over the events up to a position, in base64."""
        return write_base64(self.tree.root_at(position))

    def checkpoint(self, size: int | None = None) -> str:
        """The note of the last checkpoint, or of that of a size, with its cosignatures; raises NoCheckpoint."""
        return served(self.issued(size), self.storage)

    def proof(self, position: int, size: int | None = None, *, patience_s: float = 0.0) -> TlogProof:
        """The proof that an event is in the log: in the last checkpoint, or in that of a size.

        Raises NotPublished where the last checkpoint does not cover it in the time given, NoCheckpoint, and ValueError
        for a size that does not cover it.
        """
        issued = self.publisher.wait_for(position, patience_s) if size is None else self.issued(size)
        hashes = self.tree.inclusion(position, issued.size)
        return TlogProof(position - 1, tuple(hashes), b"", served(issued, self.storage))

    def tile(self, tile: Tile) -> bytes | None:
        """The hashes of a tile; None where the last checkpoint does not reach as far."""
        if not self._reaches(tile.level, tile.number, tile.width):
            return None
        return self.tree.tile(tile.level, tile.number)[: tile.width * HASH_BYTES]

    def entries(self, bundle: Bundle) -> list[bytes] | None:
        """The entries of a bundle; None where the last checkpoint does not reach as far."""
        if not self._reaches(0, bundle.number, bundle.width):
            return None
        return self.storage.entries(bundle.number * WIDTH, bundle.width)

    def _reaches(self, level: int, number: int, width: int) -> bool:
        needed = (number * WIDTH + width) << HEIGHT * level
        return needed <= self.publisher.known_size or needed <= self.publisher.follow().size

    def issued(self, size: int | None = None) -> Issued:
        """The last checkpoint, or that of a size; raises NoCheckpoint."""
        issued = self.publisher.latest if size is None else self.storage.issued(size)
        if issued is None:
            raise NoCheckpoint(f"no checkpoint of size {size} was issued")
        return issued

    def close(self) -> None:
        """Stop; what this process recorded is covered by a checkpoint, and that is kept outside the database."""
        self.publisher.close()
        if not self._grew and not self.publisher.follows:
            return
        try:
            self.publisher.publish_all()
            self.publisher.keep()
        except PersistenceError as error:
            logger.warning("the last events are left to the next checkpoint: %s", error)
        except LogDamaged as error:
            logger.error("no checkpoint covers the last events; run daybook verify: %s", error)


def consistency(log: TransparencyLog, old: int, new: int | None) -> dict[str, object]:
    """What shows that the tree of size `new` (None: the last checkpoint's) begins with that of `old`.

    Raises BeyondTheTree for a size that the ledger has not reached, and Invalid for sizes in the wrong order.
    """
    size = log.publisher.follow().size if new is None else new
    head = log.storage.head()
    for name, wanted in (("from", old), ("to", size)):
        if wanted > head:
            raise BeyondTheTree(f"{name} {wanted} is beyond the head, {head}")
    if old > size:
        raise Invalid.at("/from", f"{old} is larger than {size}, the size that it should lead to")
    return {
        "from": old,
        "to": size,
        "from_root": log.root_hash(old),
        "to_root": log.root_hash(size),
        "proof": [write_base64(one) for one in log.tree.consistency(old, size)],
    }


@contextmanager
def open_log(settings: Settings, origin: str, ledger: Ledger, identity: str) -> Iterator[TransparencyLog]:
    """The log of a ledger, begun where it has not."""
    log = TransparencyLog(settings, origin, ledger, identity)
    log.begin()
    try:
        yield log
    finally:
        log.close()
