"""checkpoint and proof at the terminal."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from domain.merkle import leaf_hash, root, verify_consistency, verify_inclusion
from domain.notes import VerifierKey, parse_checkpoint, parse_note
from domain.proofs import parse_proof
from service.cli.main import main
from service.daybook import open_daybook
from service.log.signatures import verify
from tests.service.log.ledgers import record, settings_of

Run = Callable[..., Result]


@pytest.fixture
def leaves(database: str, tmp_path: Path) -> list[bytes]:
    """The leaf hashes of a ledger of seven events, with checkpoints of size 0, 4 and 7."""
    for count in (4, 3):
        with open_daybook(settings_of(database, tmp_path / "home"), follow=False) as daybook:
            record(daybook, count)
            rows = daybook.ledger.recorder.rows_after(0, 10)
    return [leaf_hash(row.state) for row in rows]


@pytest.fixture
def run(database: str, tmp_path: Path) -> Run:
    """Run a command on the ledger."""
    environment = {"DAYBOOK_DATABASE_URL": database, "DAYBOOK_HOME": str(tmp_path / "home")}
    return lambda *arguments: CliRunner().invoke(main, arguments, env=environment)


def test_the_last_checkpoint_is_printed_as_it_is_signed(run: Run, leaves: list[bytes]) -> None:
    vkey = run("checkpoint", "--vkey").stdout
    note = parse_note(run("checkpoint").stdout.encode())
    assert len(verify(note, [VerifierKey.parse(vkey.strip())])) == 1
    assert parse_checkpoint(note.text).root == root(leaves)
    earlier = parse_checkpoint(parse_note(run("checkpoint", "--size", "4").stdout.encode()).text)
    assert (earlier.size, earlier.root) == (4, root(leaves[:4]))
    answer = json.loads(run("checkpoint", "--json").stdout)
    assert (answer["size"], base64.b64decode(answer["root_hash"])) == (7, root(leaves))
    assert answer["note"].encode() == note.encode()
    assert json.loads(run("checkpoint", "--vkey", "--json").stdout) == {"vkeys": [vkey.strip()]}


def test_a_proof_is_a_file_that_stands_alone(run: Run, leaves: list[bytes]) -> None:
    for arguments, size in ((("proof", "2"), 7), (("proof", "2", "--size", "4"), 4)):
        proof = parse_proof(run(*arguments).stdout)
        checkpoint = parse_checkpoint(parse_note(proof.checkpoint.encode()).text)
        assert (proof.index, checkpoint.size) == (1, size)
        verify_inclusion(proof.index, size, leaves[1], list(proof.hashes), checkpoint.root)


def test_consistency_is_proved_between_two_sizes(run: Run, leaves: list[bytes]) -> None:
    for arguments in (("--from", "4"), ("--from", "4", "--to", "7")):
        answer = json.loads(run("proof", *arguments).stdout)
        proof = [base64.b64decode(one) for one in answer["proof"]]
        verify_consistency(4, 7, root(leaves[:4]), root(leaves), proof)
        assert (answer["from"], answer["to"]) == (4, 7)


REFUSED = [
    (("checkpoint", "--size", "5"), 3, "no checkpoint of size 5 was issued"),
    (("proof",), 2, "give a POSITION, or --from and --to"),
    (("proof", "1", "--from", "1"), 2, "give a POSITION, or --from and --to"),
    (("proof", "1", "--to", "3"), 2, "--to with --from"),
    (("proof", "--from", "1", "--size", "3"), 2, "--size goes with a POSITION"),
    (("proof", "0"), 2, "0 is not in the range"),
    (("proof", "8"), 2, "position 8 is beyond the head, 7"),
    (("proof", "5", "--size", "4"), 2, "position 5 is beyond size 4"),
    (("proof", "5", "--size", "6"), 3, "no checkpoint of size 6 was issued"),
    (("proof", "--from", "5", "--to", "4"), 2, "5 is larger than 4"),
    (("proof", "--from", "5", "--to", "9"), 2, "to 9 is beyond the head, 7"),
]


@pytest.mark.usefixtures("leaves")
def test_what_cannot_be_proved_ends_with_a_sentence(run: Run) -> None:
    for arguments, code, message in REFUSED:
        done = run(*arguments)
        assert (done.exit_code, message in done.stderr) == (code, True), (arguments, done.stderr)


@pytest.mark.usefixtures("leaves")
def test_another_home_has_no_verifier_key_and_shows_the_checkpoint_all_the_same(database: str, tmp_path: Path) -> None:
    environment = {"DAYBOOK_DATABASE_URL": database, "DAYBOOK_HOME": str(tmp_path / "elsewhere")}
    done = CliRunner().invoke(main, ("checkpoint", "--vkey"), env=environment)
    assert (done.exit_code, done.stderr) == (
        3,
        "daybook: this home has no signing key, so that it has no verifier key to print\n",
    )
    done = CliRunner().invoke(main, ("checkpoint",), env=environment)
    assert done.stdout.startswith("daybook\n7\n")
