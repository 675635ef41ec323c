"""Witnesses: asked over real HTTP, believed only where their signature verifies, served from then on."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner, Result
from psycopg import Connection

from domain.notes import parse_note
from service.cli.main import main
from service.daybook import Daybook, open_daybook
from service.log.signatures import SigningKey, verify
from service.log.witnesses import NotWitnessed, submit
from service.log.witnesses import Witness as Asked
from tests.service.log.ledgers import NAME, record, settings_of
from tests.service.log.witness import Witness, witnessing

LOG_KEY = SigningKey(NAME, b"l" * 32)
WITNESS_KEY = SigningKey("witness.example/w1", b"w" * 32)


@pytest.fixture
def daybook(database: str, tmp_path: Path) -> Iterator[Daybook]:
    """A ledger of ten events, published."""
    with open_daybook(settings_of(database, tmp_path / "home", LOG_KEY), follow=False) as opened:
        record(opened, 10)
        opened.log.publisher.publish_all()
        yield opened


@pytest.fixture
def witness() -> Iterator[Witness]:
    """A witness that knows the log, and has signed nothing yet."""
    with witnessing(WITNESS_KEY, NAME, LOG_KEY.verifier) as opened:
        yield opened


def ask(daybook: Daybook, witness: Witness, vkey: str | None = None) -> int:
    """Have the last checkpoint signed: by how many signatures it was."""
    log = daybook.log
    with httpx2.Client(timeout=10) as client:
        asked = Asked.of(witness.url, vkey or witness.vkey)
        return len(submit(client, asked, log.publisher.latest, log.storage, log.tree))


def grow(daybook: Daybook, count: int = 5) -> None:
    """Record further events, and publish them."""
    record(daybook, count, "more")
    daybook.log.publisher.publish_all()


def test_a_checkpoint_is_served_with_what_witnesses_signed(daybook: Daybook, witness: Witness) -> None:
    assert ask(daybook, witness) == 1
    grow(daybook)
    assert ask(daybook, witness) == 1
    assert witness.asked == ["old 0", "old 10"]
    keys = [LOG_KEY.verifier, WITNESS_KEY.verifier.cosigner]
    for size in (10, 15):
        note = daybook.log.checkpoint(size)
        signed = verify(parse_note(note.encode()), keys)
        assert [one.key for one in signed] == keys
        assert signed[1].timestamp is not None
        assert "somebody.else" not in note
    assert daybook.log.proof(3).checkpoint == daybook.log.checkpoint(15)


def test_signed_again_the_newest_cosignature_is_served(
    daybook: Daybook, witness: Witness, owner: Connection[Any]
) -> None:
    body = parse_note(daybook.log.checkpoint().encode()).text
    for timestamp in (7, 9, 8):
        witness.answers.append((200, "text/plain", WITNESS_KEY.cosign(body, timestamp).line))
        ask(daybook, witness)
    assert owner.execute("select count(*) from log_cosignatures").fetchone() == (3,)
    signed = verify(parse_note(daybook.log.checkpoint().encode()), [WITNESS_KEY.verifier.cosigner])
    assert [one.timestamp for one in signed] == [8]


def test_a_witness_that_is_further_on_says_so_and_is_asked_from_there(
    daybook: Daybook, witness: Witness, owner: Connection[Any]
) -> None:
    """What it signed was never kept here: its answer was lost."""
    log = daybook.log
    witness.size, witness.root = 10, log.publisher.latest.root
    grow(daybook)
    assert ask(daybook, witness) == 1
    assert witness.asked == ["old 0", "old 10"]


def test_a_plain_verifier_key_of_a_witness_stands_for_its_cosigning_key(daybook: Daybook, witness: Witness) -> None:
    assert ask(daybook, witness, WITNESS_KEY.verifier.encode()) == 1


def forked(daybook: Daybook, witness: Witness) -> None:
    """It signed another history of the same length."""
    witness.size, witness.root = 10, b"x" * 32


def forked_before(daybook: Daybook, witness: Witness) -> None:
    """It signed another, shorter history."""
    witness.size, witness.root = 4, b"x" * 32


def ahead(daybook: Daybook, witness: Witness) -> None:
    """It signed a larger tree."""
    witness.size, witness.root = 12, b"x" * 32


def of_another_log(daybook: Daybook, witness: Witness) -> None:
    """It was never told of this log."""
    witness.origin = "example.com/other"


def of_another_key(daybook: Daybook, witness: Witness) -> None:
    """It was told of another key."""
    witness.log_keys = [SigningKey(NAME, b"o" * 32).verifier]


def answering(status: int, text: str, media_type: str = "text/plain") -> Callable[[Daybook, Witness], None]:
    """It answers something of its own, however often."""

    def prepare(daybook: Daybook, witness: Witness) -> None:
        body = parse_note(daybook.log.checkpoint().encode()).text
        lines = {
            "forged": SigningKey(WITNESS_KEY.name, b"f" * 32).cosign(body, 1).line,
            "another text": WITNESS_KEY.cosign(body.replace("\n10\n", "\n11\n"), 1).line,
            "the future": WITNESS_KEY.cosign(body, 1 << 40).line,
            "plain": WITNESS_KEY.sign(body).line,
        }
        witness.answers += [(status, media_type, lines.get(text, text))] * 9

    return prepare


REFUSALS = [
    (forked, "has signed another root for size 10: it was shown another history under this name"),
    (forked_before, r"what it signed before is not the beginning of the tree of size 10 \("),
    (ahead, "has signed a checkpoint of size 12, beyond this one's 10"),
    (of_another_log, r"does not know a log of this name \(unknown log\)"),
    (of_another_key, r"trusts none of the keys that signed the checkpoint of size 10"),
    (answering(200, ""), "signatures of no witness, none of witness.example/w1"),
    (answering(200, "forged"), "signatures of witness.example/w1.*, none of"),
    (answering(200, "plain"), "signatures of witness.example/w1.*, none of"),
    (
        answering(200, "another text"),
        "what is no cosignature of size 10: the signature of witness.example/w1 is not of",
    ),
    (answering(200, "the future"), "signs for a time to come"),
    (answering(200, "thank you\n"), "what is no cosignature of size 10"),
    (answering(200, "thank\u2028you\u0085\n"), r"not 'thank\\u2028you\\x85'"),
    (answering(200, "x" * 100_000), "answers more than 65536 bytes"),
    (answering(409, "many\n", "text/x.tlog.size"), r"refuses the checkpoint of size 10 as a conflict \(many\)"),
    (answering(409, "5\n"), r"refuses the checkpoint of size 10 as a conflict \(5\)"),
    (answering(400, "no\x07"), "cannot read the checkpoint of size 10$"),
    (answering(301, ""), "answers 301"),
    (answering(500, "it broke"), r"answers 500 \(it broke\)"),
]


def test_what_is_no_cosignature_is_not_kept(daybook: Daybook, owner: Connection[Any]) -> None:
    for prepare, reason in REFUSALS:
        with witnessing(WITNESS_KEY, NAME, LOG_KEY.verifier) as witness:
            prepare(daybook, witness)
            with pytest.raises(NotWitnessed, match=reason):
                ask(daybook, witness)
    assert owner.execute("select from log_cosignatures").rowcount == 0


def test_a_witness_that_moves_on_and_on_is_given_up(daybook: Daybook, witness: Witness) -> None:
    witness.answers += [(409, "text/x.tlog.size", f"{size}\n") for size in (1, 2, 3, 4, 5)]
    with pytest.raises(NotWitnessed, match="moved on 4 times while it was asked"):
        ask(daybook, witness)


def test_a_witness_that_is_not_there_is_named(daybook: Daybook) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    log = daybook.log
    for url in (f"http://{address}", f"nonsense://{address}"):
        asked = Asked.of(url, WITNESS_KEY.verifier.encode())
        with httpx2.Client(timeout=5) as client, pytest.raises(NotWitnessed, match=f"^{url} cannot be asked: "):
            submit(client, asked, log.publisher.latest, log.storage, log.tree)


# From the terminal


@pytest.fixture
def run(database: str, tmp_path: Path) -> Callable[..., Result]:
    """Run a command on a ledger of five events, with the log's key from the environment."""
    home = tmp_path / "home"
    with open_daybook(settings_of(database, home, LOG_KEY), follow=False) as opened:
        record(opened, 5)
    environment = {
        "DAYBOOK_DATABASE_URL": database,
        "DAYBOOK_HOME": str(home),
        "DAYBOOK_SIGNING_KEY": LOG_KEY.encode(),
    }
    return lambda *arguments: CliRunner().invoke(main, arguments, env=environment)


def test_the_command_asks_every_witness_and_says_who_did_not_sign(run: Callable[..., Result], tmp_path: Path) -> None:
    second = SigningKey("witness.example/w2", b"2" * 32)
    with (
        witnessing(WITNESS_KEY, NAME, LOG_KEY.verifier) as good,
        witnessing(second, "example.com/other", LOG_KEY.verifier) as bad,
    ):
        asked = [part for one in (bad, good) for part in ("--witness", one.url, "--witness-key", one.vkey)]
        done = run("checkpoint", *asked)
    assert done.exit_code == 1
    assert done.stderr == f"daybook: {bad.url}: it does not know a log of this name (unknown log)\n"
    keys = [LOG_KEY.verifier, WITNESS_KEY.verifier.cosigner]
    assert [one.key for one in verify(parse_note(done.stdout.encode()), keys)] == keys
    assert run("checkpoint").stdout == done.stdout
    (kept,) = (tmp_path / "home" / "checkpoints").iterdir()
    assert "witness.example/w1" in kept.read_text("utf-8").splitlines()[-1]


MISTAKES: list[tuple[tuple[str, ...], str]] = [
    (("--witness", "http://127.0.0.1:9"), "1 --witness and 0 --witness-key"),
    (("--witness", "http://127.0.0.1:9", "--witness-key", "w+00000000+AQ=="), "--witness-key: the key"),
    (("--witness", "http://127.0.0.1:9", "--witness-key", "nonsense"), "--witness-key: 'nonsense'"),
]


def test_what_names_no_witness_is_a_mistake_of_usage(run: Callable[..., Result]) -> None:
    for options, message in MISTAKES:
        done = run("checkpoint", *options)
        assert (done.exit_code, message in done.stderr) == (2, True), done.stderr
