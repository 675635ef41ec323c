"""Bundles: made of a ledger, checked by a program that has nothing but the key."""

import ast
import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from urllib.parse import urlencode

import psycopg
import pytest

from domain.events import canonical
from service.asking.questions import Questions
from service.audit import bundle, verifier
from service.audit.verifier import Refused, check_bundle
from service.daybook import open_daybook
from service.log.signatures import SigningKey
from service.settings import Settings
from service.web.bodies import read_events
from tests.random_ledgers import random_ledger, random_query
from tests.service.audit.conftest import KEY, QUERIES, VKEY, Run
from tests.service.web.test_random_ledgers import parameters

Make = Callable[..., Path]
SOURCE = Path(verifier.__file__)


@pytest.mark.parametrize("position", [None, 56, 40, 39])
def test_every_answer_of_a_bundle_follows_from_its_events(make_bundle: Make, position: int | None) -> None:
    proven = check_bundle(make_bundle(*QUERIES, position=position), [VKEY])
    assert proven.position == (position or 56)
    # The smallest checkpoint that covers it.
    assert proven.checkpoint.size == (56 if proven.position > 40 else 40)
    assert sum("follows from the events" in sentence for sentence in proven.sentences) == len(QUERIES)


def test_a_bundle_is_the_same_however_often_it_is_made(make_bundle: Make) -> None:
    paths = [make_bundle(*QUERIES[:2], position=50, name=f"{folder}.zip") for folder in ("one", "other")]
    one, other = (
        {name: file.read(name) for name in file.namelist() if name != "README.md"}
        for file in map(zipfile.ZipFile, paths)
    )
    assert one == other
    again = make_bundle(*QUERIES[:2], position=50, name="one.zip")
    digest = hashlib.sha256(again.read_bytes()).hexdigest()
    assert digest == hashlib.sha256(make_bundle(*QUERIES[:2], position=50, name="one.zip").read_bytes()).hexdigest()


def test_the_verifier_imports_the_standard_library_and_a_signature_library_alone() -> None:
    imported = set()
    for node in ast.walk(ast.parse(SOURCE.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(str(node.module).partition(".")[0])
    assert imported - sys.stdlib_module_names == {"cryptography"}


def test_the_verifier_of_a_bundle_works_where_there_is_nothing_else(make_bundle: Make, tmp_path: Path) -> None:
    path = make_bundle(*QUERIES)
    alone = tmp_path / "alone"
    alone.mkdir()
    with zipfile.ZipFile(path) as file:
        (alone / "verifier.py").write_bytes(file.read("verifier.py"))
    # Isolated: no variable, no folder but that of installed packages, and of these none but the one.
    program = (
        "import runpy, sys\n"
        "class Nothing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        top = name.partition('.')[0]\n"
        "        if top not in sys.stdlib_module_names and top not in ('cryptography', '_cffi_backend', 'cffi'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Nothing())\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )

    def check(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-c", program, str(alone / "verifier.py"), str(path), *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=alone, timeout=120, check=False)

    done = check("--vkey", VKEY)
    assert (done.returncode, done.stderr) == (0, "")
    assert "All 56 events are those of the log" in done.stdout
    assert "All of it follows from what the given keys signed." in done.stdout
    other = check("--vkey", SigningKey("daybook", bytes(32)).verifier.encode())
    assert other.returncode == 5
    assert "REFUSED: the key daybook+" in other.stderr
    assert check("--vkey", "daybook+00000000+AAAA").returncode == 2


def test_verify_checks_a_bundle_in_process(run: Run, make_bundle: Make, tmp_path: Path) -> None:
    path = make_bundle(QUERIES[0])
    done = run("verify", "--bundle", str(path), "--vkey", VKEY, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["verified"], found["position"], found["origin"]) == (True, 56, "daybook")
    assert run("verify", "--bundle", str(path)).exit_code == 2
    broken = tmp_path / "broken.zip"
    broken.write_bytes(path.read_bytes()[:-100])
    refused = run("verify", "--bundle", str(broken), "--vkey", VKEY)
    assert refused.exit_code == 5
    assert "not a whole zip file" in refused.stderr


@pytest.mark.parametrize(
    ("query", "more", "message"),
    [
        (
            "organizations",
            (),
            "a bundle holds answers of vendor-dependence, regulatory-exposure and sole-source, not of organi",
        ),
        ("vendor-dependence/series?from=2023-01-01", (), "not of vendor-dependence/series"),
        ("vendor-dependence?position=3", (), "position 3 is not that of the bundle, 56"),
        ("vendor-dependence?recorded_at=2023-01-01T00:00:00Z", (), "recorded_at does not go with a bundle"),
        ("vendor-dependence?measure=weight", (), "/measure"),
        ("vendor-dependence?buyer=nobody", (), "unknown organization nobody"),
        ("vendor-dependence?effective_on=2023-13-01", (), "/effective_on"),
        ("vendor-dependence", ("--position", "57"), "position 57 is beyond the head, 56"),
    ],
)
def test_what_cannot_go_into_a_bundle_is_refused_and_nothing_is_written(
    run: Run, tmp_path: Path, query: str, more: tuple[str, ...], message: str
) -> None:
    done = run("export", "bundle", "--query", query, *more, "-o", str(tmp_path / "bundle.zip"))
    assert done.exit_code in (2, 3)
    assert message in done.stderr
    assert [*tmp_path.glob("*bundle*")] == []


def test_too_many_proofs_are_left_out_and_said_to_be(
    make_bundle: Make, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "MOST_PROOFS", 2)
    done = run("export", "bundle", "--query", QUERIES[0], "-o", str(tmp_path / "bundle.zip"))
    assert "left out: too many events" in done.stderr
    with zipfile.ZipFile(tmp_path / "bundle.zip") as file:
        assert not [name for name in file.namelist() if name.startswith("proofs/")]
    assert check_bundle(tmp_path / "bundle.zip", [VKEY]).position == 56


def test_a_ledger_that_was_changed_behind_its_back_makes_no_bundle(run: Run, seeded: Settings, tmp_path: Path) -> None:
    assert seeded.database_url is not None
    with psycopg.connect(seeded.database_url.get_secret_value(), autocommit=True) as owner:
        owner.execute("set session_replication_role = replica")
        owner.execute("update ledger_events set state = state || ' '::bytea where notification_id = 7")
    done = run("export", "bundle", "--query", QUERIES[0], "-o", str(tmp_path / "bundle.zip"))
    assert done.exit_code == 5
    assert "from position 1 to 56 are not what the log holds" in done.stderr
    assert not (tmp_path / "bundle.zip").exists()


@pytest.mark.parametrize("seed", [4, 5])
def test_answers_of_random_ledgers_follow_from_their_events(settings: Settings, tmp_path: Path, seed: int) -> None:
    """Several tiles, and every parameter."""
    random = Random(seed)
    ledger = random_ledger(random, 400, datetime.now(UTC).date())
    with open_daybook(settings, follow=False) as daybook:
        for first in range(0, len(ledger.requests), 50):
            sent = json.dumps(ledger.requests[first : first + 50]).encode()
            daybook.committer.record(read_events(sent, "application/json").requests)
        daybook.follower.catch_up()
        head = daybook.follower.position
        events = [json.loads(row.state) for row in daybook.ledger.recorder.rows_after(0, head)]
        registered = {
            event["stream"].partition("/")[2] for event in events if event["type"] == "organization-registered"
        }
        asked = []
        for _ in range(12):
            query = random_query(random, events)
            query["buyer"] = [buyer for buyer in query["buyer"] if buyer in registered]
            for name in ("position", "recorded_at"):
                query.pop(name, None)
            if random.random() < 0.4:
                view = "regulatory-exposure"
                for name in ("by", "home", "threshold", "threshold_attribute"):
                    query.pop(name, None)
            else:
                view = "vendor-dependence"
            asked.append(f"{view}?{urlencode(parameters(query), doseq=True)}")
        path = tmp_path / "bundle.zip"
        with path.open("wb") as output:
            made = bundle.write_bundle(
                output, daybook, Questions(daybook, 10), asked, head - random.randint(0, 50), name="bundle.zip"
            )
    assert made.position > 256
    proven = check_bundle(path, [VKEY])
    assert len(proven.queries) == len(asked)


def test_a_witness_can_be_asked_for(make_bundle: Make, seeded: Settings) -> None:
    witness = SigningKey("witness.example", bytes([7] * 32))
    with open_daybook(seeded, follow=False) as daybook:
        issued = daybook.log.storage.first_covering(56)
        assert issued is not None
        text = issued.note.partition("\n\n")[0] + "\n"
        daybook.log.storage.add_cosignatures(issued.size, [witness.cosign(text, 1_700_000_000).line])
    path = make_bundle(QUERIES[0])
    cosigner = witness.verifier.cosigner.encode()
    assert "signed by daybook and witness.example" in " ".join(check_bundle(path, [VKEY, cosigner]).sentences)
    other = SigningKey("witness.example", bytes([8] * 32)).verifier.cosigner.encode()
    with pytest.raises(Refused, match=r"the key witness\.example\+.* did not sign"):
        check_bundle(path, [VKEY, other])
    # A witness alone does not speak for the log.
    with pytest.raises(Refused, match="no key of that name was given"):
        check_bundle(path, [cosigner])


def test_events_are_canonical_as_they_stand_in_a_bundle(make_bundle: Make) -> None:
    with zipfile.ZipFile(make_bundle(QUERIES[0])) as file:
        entries = verifier.entries_of(file.read("tile/entries/000.p/56"), 56)
    assert all(canonical(json.loads(entry)) == entry for entry in entries)
    assert KEY.verifier.encode() == VKEY
