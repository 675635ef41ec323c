"""Plain orders take a shorter road to the same bytes, outcomes and refusals as the long one."""

import json
from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest

from domain.catalogue import read_request, read_stored
from domain.errors import Invalid, Refusal
from domain.events import canonical, instant
from domain.json_text import parse_json
from domain.ledger import Batch
from domain.lots import Decided, Outcome, Sent
from domain.plain_lots import PlainDrafts, PlainOrders
from domain.plain_orders import LONGEST_BYTES, in_lots, read_plain_order, read_plain_orders
from domain.streams import advance, fold
from tests.domain.test_mutations import damage
from tests.ledgers import CODES, Book, Event
from tests.random_ledgers import random_ledger
from tests.random_requests import ORGANIZATIONS, PRODUCTS

ACTOR, CORRELATION = "müller", 'import:"1"'


def order(**data: Any) -> Event:
    """A plain order; `data` replaces fields of its data."""
    lines = [
        {"line": "1", "product_id": "910b", "quantity": "1600", "amount": "450000000.50", "deliver_by": "2024-03"},
        {"line": "2", "product_id": None, "quantity": None, "amount": "0"},
    ]
    placed = {"order_id": "po-1", "buyers": ["baidu"], "vendor_id": "huawei", "currency": "CNY", "lines": lines}
    return {"type": "order-placed", "effective_on": "2023-08", "data": placed | data}


def changed_line(**fields: Any) -> Event:
    """A plain order with a line that is not as usual."""
    found = order()
    found["data"]["lines"][0] |= fields
    return found


def long_road(text: bytes) -> Event | None:
    """What the long road reads; None: it refuses."""
    try:
        sent: Event = parse_json(text)
        read_request(sent, CODES)
    except (ValueError, Invalid):
        return None
    return sent


# Reading

PLAIN: list[Event] = [
    order(),
    order() | {"known_on": "2023-11-07", "basis": "estimated", "id": "a.b:c-1_"},
    order() | {"source": {"citation": "路透社 2023-11-07", "url": "https://example.com/?a=1", "sha256": "0f" * 32}},
    order() | {"source": {"citation": "\x7f\u2028\u2029é 昇腾 🐉 \ufffd </script>", "quote": "'1,600'"}},
    order(buyers=["baidu", "tencent"]),
    order() | {"effective_on": "../2023-08-09"},
    changed_line(quantity="999999999999999.9999", amount="0.0001", line="a" * 128),
]

NOT_PLAIN: list[Event] = [
    order() | {"type": "order-amended"},
    order() | {"note": "?"},
    order() | {"corrects": "placed"},
    order() | {"id": None},
    order() | {"id": "po 1"},
    order() | {"id": "po-1\n"},
    order() | {"effective_on": "2023-8"},
    order() | {"known_on": "2023-02-30"},
    order() | {"basis": "guessed"},
    order() | {"source": {"citation": "\u00a0 \u2003"}},
    order() | {"source": {"citation": "x", "sha256": "0F" * 32}},
    order() | {"source": {"citation": 'he said "1,600"'}},
    order() | {"source": {}},
    order(currency="XXY"),
    order(lines=[]),
    order(buyers=[]),
    order(buyers=["baidu", "baidu"]),
    order(order_id=""),
    order(vendor_id="a/b"),
    order(buyers="baidu"),
    order(lines=[order()["data"]["lines"][0]] * 2),
    changed_line(quantity="1e3"),
    changed_line(quantity="-1"),
    changed_line(quantity="007"),
    changed_line(quantity="1000000000000000"),
    changed_line(quantity="1.00001"),
    changed_line(quantity=5),
    changed_line(quantity="٣"),
    changed_line(quantity={"value": "5", "low": "4"}),
    changed_line(deliver_by="../2024-03-01"),
    changed_line(deliver_by=None),
    changed_line(product_id="h 100"),
    changed_line(line=1),
    changed_line(price="3"),
]


@pytest.mark.parametrize("sent", PLAIN)
@pytest.mark.parametrize("form", [{}, {"indent": 1}, {"separators": (",", ":"), "sort_keys": True}])
def test_a_plain_order_is_read_as_the_long_road_reads_it(sent: Event, form: dict[str, Any]) -> None:
    text = json.dumps(sent, ensure_ascii=False, **form).encode()
    plain = read_plain_order(text, CODES)
    assert plain is not None
    assert long_road(text) == sent
    request = plain.request()
    envelope = request.envelope
    assert (plain.ids, plain.streams) == (request.ids, request.streams) == ((envelope.id,), (request.body.stream,))
    known_on = None if envelope.known_on is None else envelope.known_on.isoformat()
    assert (plain.effective_on, plain.known_on) == ((envelope.effective_on.text,), (known_on,))
    assert (plain.bases, plain.data) == ((envelope.basis,), (canonical(sent["data"]),))
    assert plain.sources == (canonical(sent["source"]) if "source" in sent else None,)
    assert plain.mentioned == {mention.stream for mention in request.body.mentions()}


@pytest.mark.parametrize("sent", NOT_PLAIN)
def test_whatever_is_not_plain_is_left_to_the_long_road(sent: Event) -> None:
    assert read_plain_order(json.dumps(sent, ensure_ascii=False).encode(), CODES) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"type"', b'"type": "order-placed", "type"'),
        (b'"currency"', b'"currency": "CNY", "currency"'),
        (b'"quantity": "1600"', b'"quantity": "1600", "quantity": "1600"'),
        (b'"product_id": null', b'"product_id": null, "product_id": null'),
        (b'"po-1"', b'"po\\u002d1"'),
        (b"huawei", b"hua\x00wei"),
        (b"huawei", b"hua\x1fwei"),
        (b"huawei", b"hua\xffwei"),
        (b'{"type', b'\xef\xbb\xbf{"type'),
        (b'"CNY"', b"NaN"),
    ],
)
def test_text_that_is_not_as_it_seems_is_left_to_the_long_road(old: bytes, new: bytes) -> None:
    text = json.dumps(order()).encode()
    assert read_plain_order(text, CODES) is not None
    assert read_plain_order(text.replace(old, new, 1), CODES) is None


def test_an_order_that_may_not_fit_is_not_plain() -> None:
    text = json.dumps(order()).encode()
    longest = text + b" " * (LONGEST_BYTES - len(text))
    assert read_plain_order(longest, CODES) is not None
    assert read_plain_order(longest + b" ", CODES) is None


def damaged(random: Random, text: bytes) -> bytes:
    """The text with one byte that is another, or a piece that is gone or stands twice."""
    place = random.randrange(len(text))
    if random.random() < 0.5:
        return text[:place] + bytes([random.choice(b'"\\{}[],: \n0-.eaZ\x00\x80\xff')]) + text[place + 1 :]
    end = place + random.randrange(12)
    return text[:place] + text[place:end] * random.choice((0, 2)) + text[end:]


def test_damaged_text_is_plain_only_where_the_long_road_accepts_it() -> None:
    random = Random(4)
    texts = [json.dumps(sent, ensure_ascii=False).encode() for sent in PLAIN]
    damaged_and_plain = 0
    for _ in range(6_000):
        text = random.choice(texts)
        for _ in range(random.choice((1, 1, 2))):
            text = damaged(random, text) or b"{}"
        plain = read_plain_order(text, CODES)
        if plain is not None:
            damaged_and_plain += 1
            sent = long_road(text)
            assert sent is not None
            assert plain.data == (canonical(sent["data"]),)
    assert damaged_and_plain > 100


@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 1.0])
def test_many_are_read_together_as_each_by_itself(share: float) -> None:
    random = Random(7)
    usual = [json.dumps(sent, ensure_ascii=False).encode() for sent in PLAIN]
    unusual = [json.dumps(sent, ensure_ascii=False).encode() for sent in NOT_PLAIN]
    for many in (0, 1, 2, 3, 100, 500):
        texts = [random.choice(usual) for _ in range(many)]
        for place in range(many):
            if random.random() < share:
                texts[place] = random.choice((damaged(random, texts[place]), random.choice(unusual)))
        by_itself = {place: read_plain_order(text, CODES) for place, text in enumerate(texts)}
        places, orders = read_plain_orders(texts, CODES)
        assert places == [place for place, order in by_itself.items() if order is not None]
        alone = [order for order in by_itself.values() if order is not None]
        assert list(orders.apart()) == alone
        twice = PlainOrders.joined([orders, orders])
        assert twice.part(0, len(orders)) == twice.part(len(orders), len(twice)) == orders
        assert orders.mentioned == {name for order in alone for name in order.mentioned}
        lots = dict(in_lots(texts, CODES))
        assert [place for place, lot in lots.items() if lot is None] == [
            p for p, one in by_itself.items() if one is None
        ]
        assert [order for lot in lots.values() if lot is not None for order in lot.apart()] == alone


def test_names_with_line_feeds_in_them_are_not_taken_for_two_names() -> None:
    text = json.dumps(order()).encode()
    assert read_plain_order(text.replace(b"huawei", b"hua\nwei"), CODES) is None
    texts = [text, text.replace(b'"450000000.50"', b'"4\n5"'), text]
    assert read_plain_orders(texts, CODES)[0] == [0, 2]


# Deciding


class Register(Book):
    """A book that records what is sent as text, by one road or the other, and keeps the bytes."""

    def __init__(self, *, plain: bool, presume_new: bool, memory: int = 0, together: bool = False) -> None:
        super().__init__()
        self.plain = plain
        self.presume_new = presume_new
        #: The streams that it remembers without looking them up: none, or one of so many.
        self.memory = memory
        #: Whether plain orders that stand one behind the other in a command are read and decided at once.
        self.together = together
        self.stored: list[bytes] = []
        self.plainly = self.at_once = 0

    def remembers(self, name: str) -> bool:
        """Whether a stream is known to have begun, without looking it up."""
        return bool(self.memory) and sum(name.encode()) % self.memory == 0 and self.stream(name).version > 0

    def read(self, texts: Sequence[bytes]) -> Sequence[Sent]:
        """Requests as this book takes them."""
        if self.together:
            lots = in_lots(texts, CODES)
            return [lot or read_request(parse_json(texts[place]), CODES) for place, lot in lots]
        plain = [read_plain_order(text, CODES) if self.plain else None for text in texts]
        return [one or read_request(parse_json(text), CODES) for one, text in zip(plain, texts, strict=True)]

    def take(self, commands: Sequence[Sequence[bytes]]) -> list[Any]:
        """Record commands in one go, each by itself; what became of each."""
        requests = [self.read(command) for command in commands]
        named = self._named
        answers, batch = self._try(requests, presume_new=self.presume_new)
        if self.presume_new and not self._holds(batch, answers):
            self._named = named
            answers, batch = self._try(requests, presume_new=False)
        for lot in batch.drafts:
            self.plainly += len(lot) if isinstance(lot, PlainDrafts) else 0
            self._store(lot)
        return answers

    def _try(self, requests: Sequence[Sequence[Sent]], *, presume_new: bool) -> tuple[list[Any], Batch]:
        batch = Batch(self, self.today, self._new_id, presume_new=presume_new)
        answers: list[Any] = []
        for command in requests:
            try:
                outcomes = batch.add(command)
                self.at_once += any(outcome.requests > 1 for outcome in outcomes)
                answers.append([one for outcome in outcomes for one in _told(outcome)])
            except Refusal as refusal:
                answers.append((type(refusal), refusal.index, refusal.problems))
        return answers, batch

    def _holds(self, batch: Batch, answers: list[Any]) -> bool:
        """Whether nothing was refused, and no id or first version of a stream is there already."""
        return all(isinstance(answer, list) for answer in answers) and not any(
            self.event(identifier) or (version == 1 and self.stream(stream).version)
            for lot in batch.drafts
            for identifier, stream, version in zip(lot.ids, lot.streams, lot.versions, strict=True)
        )

    def _store(self, lot: Decided) -> None:
        first = len(self.stored) + 1
        moments = [
            instant(datetime(2025, 6, 30, tzinfo=UTC) + timedelta(microseconds=first + place))
            for place in range(len(lot))
        ]
        states = lot.states(first, moments, ACTOR, CORRELATION)
        self.stored += states
        for event in map(read_stored, map(parse_json, states)):
            self._ids[event.id] = event
            self._histories[event.stream].append(event)
            stream = advance(self.stream(event.stream), event) or fold(self._histories[event.stream])
            self._streams[event.stream] = stream


def _told(outcome: Outcome) -> list[Any]:
    """What became of each request."""
    events = [place for lot in outcome.drafts for place in zip(lot.ids, lot.streams, lot.versions, strict=True)]
    replayed = [(event.id, event.stream, event.version) for event in outcome.replayed]
    return [([event], []) for event in events] if outcome.requests > 1 else [(events, replayed)]


def commands_of(random: Random, size: int) -> list[list[bytes]]:
    """Requests as text, most as an accepting ledger had them, some damaged, sent again, or with another content."""
    sent: list[Event] = []
    for request in random_ledger(random, size).requests:
        sent.append(request)
        if request["type"] == "order-placed":
            for number in range(random.choice((2, 4, 8))):
                more = deepcopy(request)
                more["data"]["order_id"] += f"-{random.randrange(60)}"
                more |= {"id": f"more:{number}:{random.randrange(60)}"} if random.random() < 0.6 else {}
                for line in more["data"]["lines"]:
                    line |= {"quantity": f"{random.randrange(900)}", "amount": f"{random.randrange(9_000)}.50"}
                if random.random() < 0.3:
                    damage(random, more)
                sent.append(more)
        if random.random() < 0.15:
            sent.append(deepcopy(random.choice(sent)))
    texts = []
    for request in sent:
        if not _reads(request):
            continue
        names = list(request)
        random.shuffle(names)
        shuffled = {name: request[name] for name in names}
        texts.append(json.dumps(shuffled, ensure_ascii=random.random() < 0.3).encode())
    commands = [[text] for text in market()]
    while texts:
        many = random.choice((1, 1, 1, 2, 3, 8))
        commands.append(texts[:many])
        del texts[:many]
    return commands


def market() -> list[bytes]:
    """Everything that random orders name, registered."""
    book = Book()
    for name in ORGANIZATIONS:
        book.organization(name)
    for name in PRODUCTS:
        book.product(name)
    sent = ("type", "effective_on", "known_on", "data")
    return [json.dumps({name: event[name] for name in sent}).encode() for event in book.events]


def _reads(request: Event) -> bool:
    try:
        text = json.dumps(request, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return long_road(text) is not None


@pytest.mark.parametrize("seed", range(5))
def test_both_roads_record_the_same_bytes_and_refuse_the_same(seed: int) -> None:
    random = Random(seed)
    commands = commands_of(random, 220)
    long = Register(plain=False, presume_new=False)
    others = [
        Register(plain=True, presume_new=False),
        Register(plain=True, presume_new=True),
        Register(plain=True, presume_new=True, memory=2),
        Register(plain=True, presume_new=True, together=True),
        Register(plain=True, presume_new=True, memory=2, together=True),
        Register(plain=False, presume_new=True, memory=1),
    ]
    while commands:
        group, commands = commands[: (many := random.choice((1, 2, 5, 20)))], commands[many:]
        expected = long.take(group)
        for other in others:
            assert other.take(group) == expected
    for other in others:
        assert other.stored == long.stored
    assert long.plainly == 0
    assert others[0].plainly > 5
    assert others[3].at_once > 0


def test_a_plain_order_can_be_built_on_and_taken_back_within_its_batch() -> None:
    def sent(event_type: str, data: Event, **envelope: Any) -> bytes:
        return json.dumps({"type": event_type, "effective_on": "2023-08", **envelope, "data": data}).encode()

    market = [
        sent("organization-registered", {"organization_id": name, "name": name, "country": "CN"})
        for name in ("baidu", "huawei")
    ]
    placed = json.dumps(order(lines=[{"line": "1", "product_id": None, "quantity": "5", "amount": "10"}])).encode()
    named = placed[:-1] + b', "id": "placed"}'
    amended = sent("order-amended", {"order_id": "po-1", "changes": [{"line": "1", "quantity": "-3"}]})
    retracted = sent("event-retracted", {"retracts": "placed", "reason": "entered by mistake"})
    commands = [market, [named, amended, amended], [named, amended], [named], [amended], [retracted], [placed]]
    long, plain = Register(plain=False, presume_new=False), Register(plain=True, presume_new=True)
    assert long.take(commands) == plain.take(commands)
    assert plain.stored == long.stored
    assert [parse_json(state)["type"] for state in plain.stored[2:]] == [
        *("order-placed", "order-amended", "event-retracted", "event-retracted", "order-placed")
    ]


def test_orders_decided_at_once_can_be_built_on_and_taken_back_within_their_batch() -> None:
    def sent(event_type: str, data: Event, **envelope: Any) -> bytes:
        return json.dumps({"type": event_type, "effective_on": "2023-08", **envelope, "data": data}).encode()

    market = [
        sent("organization-registered", {"organization_id": name, "name": name, "country": "CN"})
        for name in ("baidu", "huawei")
    ]
    lines = [{"line": "1", "product_id": None, "quantity": "5", "amount": "10"}]
    placed = [json.dumps(order(order_id=f"po-{n}", lines=lines) | {"id": f"placed-{n}"}).encode() for n in range(9)]
    unnamed = [json.dumps(order(order_id=f"more-{n}", lines=lines)).encode() for n in range(3)]
    amended = sent("order-amended", {"order_id": "po-4", "changes": [{"line": "1", "quantity": "-3"}]})
    too_much = sent("order-amended", {"order_id": "po-5", "changes": [{"line": "1", "quantity": "-30"}]})
    noted = sent("event-annotated", {"annotates": "placed-7", "note": "seen"})
    retracted = sent("event-retracted", {"retracts": "placed-4", "reason": "entered by mistake"})
    commands = [[*market], placed, [amended], [too_much], placed, placed[3:5], [noted], [retracted], unnamed]
    long = Register(plain=False, presume_new=False)
    together = Register(plain=True, presume_new=True, together=True)
    alone = Register(plain=True, presume_new=True, together=True)
    expected = long.take(commands)
    assert together.take(commands) == expected
    assert [alone.take([command])[0] for command in commands] == expected
    assert together.stored == long.stored
    assert together.at_once >= 2


def test_what_is_written_together_is_what_is_written_one_by_one() -> None:
    texts = [json.dumps(sent, ensure_ascii=False).encode() for sent in PLAIN]
    _, orders = read_plain_orders(texts, CODES)
    drafts = orders.drafts(tuple(f"named-{n}" for n in range(len(orders))), date(2025, 6, 30))
    instants = [f"2025-06-30T12:00:00.{n:06d}Z" for n in range(len(orders))]
    alone = list(drafts.parts(1))
    assert list(drafts.states(41, instants, ACTOR, CORRELATION)) == [
        draft.states(41 + n, [instants[n]], ACTOR, CORRELATION)[0] for n, draft in enumerate(alone)
    ]
    assert drafts.within("order/po-1").ids == drafts.ids[-1:]
    assert [drafts.named(identifier).as_recorded() for identifier in drafts.ids] == [one.as_recorded() for one in alone]
