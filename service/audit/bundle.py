"""Audit bundles: everything up to a position, what was signed of it, and the answers to some questions, in one file."""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, urlencode, urlsplit

from domain.errors import Invalid
from domain.merkle import leaf_hash
from domain.notes import write_base64
from domain.tiles import WIDTH, Bundle, Tile, pack_bundle, tiles_of
from service.asking.clocks import BeyondTheLedger, day, single, whole
from service.asking.comparisons import Comparisons
from service.asking.paging import MOST_EVIDENCE
from service.asking.questions import Questions
from service.asking.views import VIEWS, parse_question
from service.audit import verifier
from service.daybook import Daybook
from service.log.publisher import NotPublished
from service.log.storage import Issued, LogDamaged
from service.version import VERSION

README = Path(__file__).with_name("bundle-readme.md")
VERIFIER = Path(verifier.__file__)
#: Events that are given a proof of their own, at most: each is a file, and the tiles prove them all.
MOST_PROOFS = 10_000
#: No time of making: the same ledger and questions make the same file.
TIMESTAMP = (1980, 1, 1, 0, 0, 0)

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class BundledAnswer:
    """A question with its clocks pinned, and its answer."""

    #: `view?parameters`.
    query: str
    answer: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """What was written."""

    position: int
    #: Of the checkpoint that covers it.
    checkpoint_size: int
    members: int
    proofs: int
    #: Whether more events stand behind the answers than are given proofs of their own.
    proofs_left_out: bool


def write_bundle(
    output: BinaryIO,
    daybook: Daybook,
    questions: Questions,
    queries: Sequence[str],
    position: int | None,
    *,
    name: str,
    on_progress: OnProgress = lambda done, total: None,
) -> Made:
    """Write the bundle of a position (None: the head) with the answers to the queries, `view?parameters` each.

    `name` is the file's, for its own instructions. Raises Invalid for a query that cannot go into a bundle,
    BeyondTheLedger, NotPublished where no checkpoint covers the position, and LogDamaged.
    """
    head = daybook.follower.position
    if position is not None and position > head:
        raise BeyondTheLedger(f"position {position} is beyond the head, {head}")
    wanted = head if position is None else position
    if wanted < 1:
        raise Invalid.at("/position", "a bundle holds one event at least, and there is none up to position 0")
    if not queries:
        raise Invalid.at("/query", "a bundle answers one question at least")
    answered = [_asked(questions, query, wanted) for query in queries]
    issued = _covering(daybook, wanted)
    proofs = _evidence(questions, answered)
    contents = _Contents(daybook, issued, wanted, answered, proofs or [], name)
    members = contents.members()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as file:
        for done, (path, produce) in enumerate(sorted(members.items()), 1):
            member = zipfile.ZipInfo(path, TIMESTAMP)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.create_system = 3
            member.external_attr = 0o644 << 16
            file.writestr(member, produce())
            on_progress(done, len(members))
    return Made(wanted, issued.size, len(members), len(contents.proofs), proofs is None)


def _asked(questions: Questions, text: str, position: int) -> BundledAnswer:
    asked = parse_question(text)
    view = asked.view
    if not view.bundled:
        *others, last = (path for path, one in VIEWS.items() if one.bundled)
        bundled = f"{', '.join(others)} and {last}"
        raise Invalid.at("/query", f"a bundle holds answers of {bundled}, not of {view.path}")
    raw: dict[str, Sequence[str]] = dict(asked.raw)
    for clock in ("recorded_at", "min_position"):
        if clock in raw:
            raise Invalid.at("/query", f"{clock} does not go with a bundle: it is as of its position")
    given = whole("position", single(raw, "position"), position)
    if given != position:
        raise Invalid.at("/query", f"position {given} is not that of the bundle, {position}")
    effective_on = day("effective_on", single(raw, "effective_on")) or questions.clocks.today()
    known_on = day("known_on", single(raw, "known_on"))
    clocks = {"effective_on": [effective_on.isoformat()], "position": [str(position)]}
    if known_on is not None:
        clocks["known_on"] = [known_on.isoformat()]
    pinned: dict[str, Sequence[str]] = {**clocks, **raw}
    pairs = [(name, value) for name, values in pinned.items() for value in values]
    comparisons = Comparisons(questions.daybook, questions.clocks.wait_s)
    return BundledAnswer(f"{view.path}?{urlencode(pairs)}", view.ask(questions, comparisons, pinned, ""))


def _covering(daybook: Daybook, position: int) -> Issued:
    """The smallest checkpoint that covers a position: as long as it is kept, the bundle stays the same."""
    issued = daybook.log.storage.first_covering(position)
    if issued is None:
        daybook.log.publisher.publish_all()
        issued = daybook.log.storage.first_covering(position)
    if issued is None:
        why = daybook.log.publisher.hindrance
        raise NotPublished(f"no checkpoint covers position {position}" + (f": {why}" if why else " yet"))
    return issued


def _evidence(questions: Questions, answered: Sequence[BundledAnswer]) -> list[int] | None:
    """The positions of the events behind every row; None where they are too many for proofs of their own."""
    links = dict.fromkeys(row["evidence"] for asked in answered for row in asked.answer["rows"] if "evidence" in row)
    positions: set[int] = set()
    for link in links:
        for contribution in _contributions(questions, link):
            positions.update(_positions(contribution))
        if len(positions) > MOST_PROOFS:
            return None
    return sorted(positions)


def _contributions(questions: Questions, link: str) -> Iterator[dict[str, Any]]:
    raw: dict[str, list[str]] = {}
    for name, value in parse_qsl(urlsplit(link).query, keep_blank_values=True):
        raw.setdefault(name, []).append(value)
    offset = 0
    while found := questions.evidence(raw | {"offset": [str(offset)]})["contributions"]:
        yield from found
        if len(found) < MOST_EVIDENCE:
            break
        offset += len(found)


def _positions(contribution: dict[str, Any]) -> Iterator[int]:
    for posting in contribution["postings"]:
        if posting["derived"] is None:
            yield posting["position"]
        else:
            yield from (event["position"] for events in posting["derived"].values() for event in events)
    factors = contribution["factors"]
    if factors["rate"] is not None:
        yield factors["rate"]["publication"]["position"]
    if factors["allocation"] is not None:
        yield factors["allocation"]["position"]


@dataclass(frozen=True, slots=True)
class _Contents:
    """What goes into one bundle."""

    daybook: Daybook
    issued: Issued
    position: int
    answered: Sequence[BundledAnswer]
    proofs: Sequence[int]
    name: str

    def members(self) -> dict[str, Callable[[], bytes]]:
        """Every member's name, with what makes its contents when their turn comes."""
        log = self.daybook.log
        made: dict[str, Callable[[], bytes]] = {
            verifier.MANIFEST: self._manifest,
            verifier.CHECKPOINT: lambda: log.checkpoint(self.issued.size).encode(),
            verifier.CONSISTENCY: self._consistency,
            "README.md": self._readme,
            "verifier.py": VERIFIER.read_bytes,
        }
        for tile in tiles_of(self.position):
            made[tile.path] = lambda tile=tile: self._tile(tile)  # type: ignore[misc]
        for number in range(-(-self.position // WIDTH)):
            bundle = Bundle(number, min(WIDTH, self.position - number * WIDTH))
            made[bundle.path] = lambda bundle=bundle: self._entries(bundle)  # type: ignore[misc]
        for number, asked in enumerate(self.answered, 1):
            made[verifier.answer_path(number)] = lambda asked=asked: _json(asked.answer)  # type: ignore[misc]
        for position in self.proofs:
            made[verifier.proof_path(position)] = lambda at=position: self._proof(at)  # type: ignore[misc]
        return made

    def _manifest(self) -> bytes:
        return _json(
            {
                "format": verifier.FORMAT,
                "origin": self.daybook.log.name,
                "position": self.position,
                "checkpoint_size": self.issued.size,
                "queries": [asked.query for asked in self.answered],
                "proofs": list(self.proofs),
                "code": {"daybook": VERSION, "verifier_sha256": _verifier_sha256()},
            }
        )

    def _consistency(self) -> bytes:
        hashes = self.daybook.log.tree.consistency(self.position, self.issued.size)
        sizes = {"old_size": self.position, "new_size": self.issued.size}
        return _json(sizes | {"hashes": [write_base64(one) for one in hashes]})

    def _readme(self) -> bytes:
        return (
            README.read_text(encoding="utf-8")
            .format(
                origin=self.daybook.log.name,
                position=f"{self.position:,}",
                checkpoint_size=f"{self.issued.size:,}",
                count=len(self.answered),
                plural="" if len(self.answered) == 1 else "s",
                file=self.name,
                verifier_sha256=_verifier_sha256(),
                queries="\n".join(f"{number}. `{asked.query}`" for number, asked in enumerate(self.answered, 1)),
            )
            .encode()
        )

    def _tile(self, tile: Tile) -> bytes:
        hashes = self.daybook.log.tile(tile)
        if hashes is None:
            raise LogDamaged(f"the log does not hold {tile.path}, although a checkpoint covers it")
        return hashes

    def _entries(self, bundle: Bundle) -> bytes:
        entries = self.daybook.log.storage.entries(bundle.number * WIDTH, bundle.width)
        hashes = self._tile(Tile(0, bundle.number, bundle.width))
        if b"".join(map(leaf_hash, entries)) != hashes:
            first, last = bundle.number * WIDTH + 1, bundle.number * WIDTH + bundle.width
            raise LogDamaged(
                f"the events from position {first} to {last} are not what the log holds: run daybook verify"
            )
        return pack_bundle(entries)

    def _proof(self, position: int) -> bytes:
        return self.daybook.log.proof(position, self.issued.size).encode().encode()


def _verifier_sha256() -> str:
    return hashlib.sha256(VERIFIER.read_bytes()).hexdigest()


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"
