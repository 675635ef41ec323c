"""A thousand random ways to tamper with a ledger as superuser: every one is found, and located."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from psycopg import Connection

from domain.events import canonical
from service.log.signatures import SigningKey
from service.verification.ledger import VerificationScope
from tests.service.verification import ledgers
from tests.service.verification.ledgers import COVERED, EVENTS, SIZES, Sound, first, verified

#: Kind and position of the first finding, and further fields of it that must be so.
Expected = tuple[str, int | None, dict[str, int]]
Damage = Callable[[Connection[Any], Random, Sound], Expected]
CHUNKS, EACH = 10, 100


def anywhere(random: Random, last: int = COVERED) -> int:
    return random.randint(1, last)


def flip_a_byte(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    position = anywhere(random)
    (length,) = connection.execute(
        "select octet_length(state) from ledger_events where notification_id = %s", (position,)
    ).fetchone()  # type: ignore[misc]
    place, by = random.randrange(length), random.randint(1, 255)
    connection.execute(
        "update ledger_events set state = set_byte(state, %(place)s, get_byte(state, %(place)s) # %(by)s)"
        " where notification_id = %(position)s",
        {"place": place, "by": by, "position": position},
    )
    return "changed", position, {}


def replace_by_garbage(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    position = anywhere(random)
    garbage = random.choice([b"{}", b"\n\n", b"not JSON", random.randbytes(600), b'{"position":"1"}'])
    connection.execute("update ledger_events set state = %s where notification_id = %s", (garbage, position))
    return "changed", position, {}


def swap_two(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    one, other = sorted(random.sample(range(1, COVERED + 1), 2))
    ledgers.swap(connection, one, other)
    return "swapped", one, {"other": other}


def swap_neighbours(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    position = anywhere(random, COVERED - 1)
    ledgers.swap(connection, position, position + 1)
    return "swapped", position, {"other": position + 1}


def swap_the_bytes_alone(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    one, other = sorted(random.sample(range(1, COVERED + 1), 2))
    connection.execute(
        "update ledger_events event set state = taken.state from ledger_events taken"
        " where (event.notification_id, taken.notification_id) in ((%(one)s, %(other)s), (%(other)s, %(one)s))",
        {"one": one, "other": other},
    )
    return "swapped", one, {"other": other}


def delete_one(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    position = anywhere(random, EVENTS - 1)
    connection.execute("delete from ledger_events where notification_id = %s", (position,))
    return "missing", position, {}


def delete_some_and_close_the_gap(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    position, many = anywhere(random, COVERED - 10), random.randint(1, 3)
    last = position + many - 1
    connection.execute("delete from ledger_events where notification_id between %s and %s", (position, last))
    ledgers.shift(connection, last + 1, EVENTS, -many)
    ledgers.set_head(connection)
    return "missing", position, {"upto": last} if many > 1 else {}


def insert_one(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    position = anywhere(random, COVERED + 1)
    invented = json.loads(ledgers.states(connection)[position - 1])
    invented |= {"id": "invented", "stream": "order/invented"}
    ledgers.shift(connection, position, EVENTS, 1)
    connection.execute(
        "insert into ledger_events values (%s, 'order/invented', 1, %s, 'invented', %s, %s)",
        (position, invented["type"], invented["recorded_at"], canonical(invented)),
    )
    ledgers.set_head(connection)
    return "inserted", position, {}


def insert_a_copy(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    original = anywhere(random)
    position = random.choice([place for place in range(1, COVERED) if place not in (original, original + 1)])
    state = ledgers.states(connection)[original - 1]
    ledgers.shift(connection, position, EVENTS, 1)
    connection.execute(
        "insert into ledger_events values (%s, 'order/copy', 1, 'order-placed', 'copy', now(), %s)", (position, state)
    )
    ledgers.set_head(connection)
    return "inserted", position, {"other": original}


def renumber_to_beyond_the_end(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    position, to = anywhere(random, EVENTS), random.choice([EVENTS + 1, EVENTS + 300, 10**9, 2**62])
    ledgers.renumber(connection, position, to)
    return "moved", position, {"other": to}


def move_within(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    one, other = sorted(random.sample(range(1, COVERED + 1), 2))
    if other == one + 1:
        return swap_neighbours(connection, random, sound)
    if random.random() < 0.5:
        ledgers.renumber(connection, one, 99_999_999)
        ledgers.shift(connection, one + 1, other, -1)
        ledgers.renumber(connection, 99_999_999, other)
    else:
        ledgers.renumber(connection, other, 99_999_999)
        ledgers.shift(connection, one, other - 1, 1)
        ledgers.renumber(connection, 99_999_999, one)
    return "moved", one, {"other": other}


def change_a_column(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    position = anywhere(random, EVENTS)
    change = random.choice(
        [
            "originator_id = originator_id || 'x'",
            "originator_version = originator_version + 1",
            "topic = topic || '-twice'",
            "event_id = event_id || E'\\n'",
            "recorded_at = recorded_at + interval '1 microsecond'",
            "recorded_at = recorded_at - interval '1 day'",
            "recorded_at = 'infinity'",
        ]
    )
    connection.execute(f"update ledger_events set {change} where notification_id = {position}".encode())
    return "column", position, {}


def truncate(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    last = anywhere(random, COVERED - 1)
    connection.execute("delete from ledger_events where notification_id > %s", (last,))
    if random.random() < 0.5:
        ledgers.set_head(connection)
    return "truncated", last + 1, {"upto": COVERED} if last + 1 < COVERED else {}


def truncate_with_the_log(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    base = random.choice(SIZES[:-1])
    last = random.randint(base, SIZES[SIZES.index(base) + 1] - 1)
    connection.execute("delete from ledger_events where notification_id > %s", (last,))
    ledgers.cut_log(connection, base)
    ledgers.set_head(connection)
    return "truncated", last + 1, {"size": COVERED}


def truncate_and_sign_with_another_key(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    last = anywhere(random, COVERED - 1)
    connection.execute("delete from ledger_events where notification_id > %s", (last,))
    ledgers.set_head(connection)
    base = max((size for size in SIZES if size < last), default=0)
    ledgers.sign_anew(connection, base, SigningKey.generate("daybook"))
    return "truncated", last + 1, {"size": COVERED}


def drop_and_sign_with_the_true_key(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    """One event is dropped, those behind it are written anew, and the log is signed with the true key."""
    position = anywhere(random)
    connection.execute("delete from ledger_events where notification_id = %s", (position,))
    ledgers.shift(connection, position + 1, EVENTS, -1)
    query = "select notification_id, state from ledger_events where notification_id >= %s"
    for place, state in connection.execute(query, (position,)).fetchall():
        forged = canonical(json.loads(state) | {"position": place})
        connection.execute("update ledger_events set state = %s where notification_id = %s", (forged, place))
    ledgers.set_head(connection)
    base = max((size for size in SIZES if size < position), default=0)
    ledgers.sign_anew(connection, base, sound.key)
    upto = min(size for size in SIZES if size >= position)
    return "rewritten", base + 1, {"size": upto}


def alter_a_leaf_in_a_tile(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    position = anywhere(random)
    flip_in_tile(connection, 0, position - 1, random)
    return "tile", position, {}


def alter_a_higher_tile(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    block = random.randrange(COVERED // 256)
    flip_in_tile(connection, 1, block, random)
    return "tile", block * 256 + 1, {"upto": block * 256 + 256}


def flip_in_tile(connection: Connection[Any], level: int, index: int, random: Random) -> None:
    number, place = divmod(index, 256)
    found = connection.execute(
        "select max(start) from log_tiles where level = %s and number = %s and start <= %s", (level, number, place)
    ).fetchone()
    assert found is not None
    byte = (place - found[0]) * 32 + random.randrange(32)
    changed = connection.execute(
        "update log_tiles set hashes = set_byte(hashes, %(byte)s, get_byte(hashes, %(byte)s) # %(by)s)"
        " where level = %(level)s and number = %(number)s and start = %(start)s",
        {"byte": byte, "by": random.randint(1, 255), "level": level, "number": number, "start": found[0]},
    )
    assert changed.rowcount == 1


def delete_a_row_of_a_tile(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    rows = connection.execute("select level, number, start from log_tiles").fetchall()
    level, number, start = random.choice(rows)
    connection.execute("delete from log_tiles where level = %s and number = %s and start = %s", (level, number, start))
    return "tile", ((number * 256 + start) << 8 * level) + 1, {}


def alter_both_tile_and_event(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    one, other = sorted(random.sample(range(1, COVERED + 1), 2))
    places = [one, other]
    random.shuffle(places)
    flip_in_tile(connection, 0, places[0] - 1, random)
    connection.execute(
        "update ledger_events set state = set_byte(state, 9, get_byte(state, 9) # 1) where notification_id = %s",
        (places[1],),
    )
    return ("tile" if places[0] == one else "changed"), one, {}


def alter_a_checkpoint(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    size = random.choice(SIZES)
    change = random.choice(
        [
            "root = set_byte(root, 7, get_byte(root, 7) # 1)",
            f"note = replace(note, E'\\n{size}\\n', E'\\n{size - 1}\\n')",
            "note = replace(note, 'daybook', 'nightbook')",
            "note = left(note, 90)",
            "note = 'nothing'",
            f"size = {size - 1}",
        ]
    )
    connection.execute(f"update log_checkpoints set {change} where size = {size}".encode())
    return "checkpoint", None, {}


def remove_a_checkpoint(connection: Connection[Any], random: Random, sound: Sound) -> Expected:
    size = random.choice((0, *SIZES))
    connection.execute("delete from log_checkpoints where size = %s", (size,))
    return "checkpoint", None, {"size": size}


DAMAGES: tuple[Damage, ...] = (
    flip_a_byte,
    replace_by_garbage,
    swap_two,
    swap_neighbours,
    swap_the_bytes_alone,
    delete_one,
    delete_some_and_close_the_gap,
    insert_one,
    insert_a_copy,
    renumber_to_beyond_the_end,
    move_within,
    change_a_column,
    truncate,
    truncate_with_the_log,
    truncate_and_sign_with_another_key,
    drop_and_sign_with_the_true_key,
    alter_a_leaf_in_a_tile,
    alter_a_higher_tile,
    delete_a_row_of_a_tile,
    alter_both_tile_and_event,
    alter_a_checkpoint,
    remove_a_checkpoint,
)


def test_a_sound_ledger_is_verified(attacker: Connection[Any], sound: Sound) -> None:
    report = verified(attacker, sound.wanted(), lambda connection: None)
    assert report.findings == ()
    assert (report.events, report.proven, report.uncovered) == (EVENTS, COVERED, EVENTS - COVERED)
    assert report.checkpoints == len(SIZES) + 1


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_tampering_is_found_and_located(attacker: Connection[Any], sound: Sound, chunk: int) -> None:
    wanted = sound.wanted()
    for number in range(chunk * EACH, (chunk + 1) * EACH):
        damage = DAMAGES[number % len(DAMAGES)]
        _check(attacker, sound, wanted, damage, number)


def _check(attacker: Connection[Any], sound: Sound, wanted: VerificationScope, damage: Damage, seed: int) -> None:
    expected: list[Expected] = []
    report = verified(attacker, wanted, lambda connection: expected.append(damage(connection, Random(seed), sound)))
    ((kind, position, fields),) = expected
    where = f"{damage.__name__}, seed {seed}"
    found = first(report)
    if damage is alter_both_tile_and_event:
        # Found together: the one is known to be wrong by the other.
        assert len({finding.position for finding in report.findings}) >= 2, where
    assert (str(found.kind), found.position) == (kind, position), (where, found)
    for name, value in fields.items():
        assert getattr(found, name) == value, (where, name, found)
