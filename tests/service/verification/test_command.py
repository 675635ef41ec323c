"""`daybook verify`: exit codes, the position that it names, and beside a running service its log read from outside."""

import json
import subprocess
import sys
from pathlib import Path

import psycopg
from click.testing import CliRunner, Result

from service.cli.main import main
from service.postgres.folder import PostgresFolder
from tests.service.postgres_owner import ROOT, wait_until
from tests.service.processes import TOKEN, command, environment, serving
from tests.service.purchases import market, order
from tests.service.verification.ledgers import COVERED, EVENTS, Sound, damaging, make_sound


def run(made: Sound, *arguments: str) -> Result:
    """Run the command on a database of its own."""
    found = {"DAYBOOK_DATABASE_URL": made.conninfo, "DAYBOOK_HOME": str(made.home), "COLUMNS": "200"}
    return CliRunner().invoke(main, ["verify", *arguments], env=found)


def test_the_command_names_the_position_of_a_changed_byte(database: str, tmp_path: Path) -> None:
    made = make_sound(database, tmp_path / "home")
    done = run(made)
    assert done.exit_code == 0, done.output
    assert f"{EVENTS} events read, {COVERED} events covered" in done.stdout
    assert "5 events recorded after the last checkpoint: not yet covered" in done.stdout
    assert "no external anchor" in done.stderr
    assert "no external anchor" not in run(made, "--checkpoint", str(made.copies)).stderr
    with damaging(database) as attacker:
        attacker.execute("update ledger_events set state = set_byte(state, 30, 88) where notification_id = 412")
        attacker.commit()
    done = run(made)
    assert done.exit_code == 5, done.output
    assert "position 412 was changed: its bytes hash to" in done.stdout
    answer = json.loads(run(made, "--json").stdout)
    assert (answer["verified"], answer["findings"][0]["position"]) == (False, 412)


def test_what_cannot_be_verified_is_said(database: str, tmp_path: Path) -> None:
    made = make_sound(database, tmp_path / "home")
    other = Sound(database, tmp_path / "other-home")
    assert run(other).exit_code == 2
    assert run(made, "--vkey", "nonsense").exit_code == 2
    assert run(made, "--checkpoint", str(tmp_path / "none")).exit_code == 2
    assert run(made, "--log", str(tmp_path)).exit_code == 2
    assert run(made, "--log", str(tmp_path), "--vkey", made.key.verifier.encode()).exit_code == 3
    assert run(other, "--vkey", made.key.verifier.encode()).exit_code == 0
    empty = {"DAYBOOK_HOME": str(tmp_path / "empty"), "DAYBOOK_DATABASE_URL": ""}
    arguments = ["verify", "--vkey", made.key.verifier.encode()]
    done = CliRunner().invoke(main, arguments, env={key: value or None for key, value in empty.items()})
    assert done.exit_code == 3, done.output


def test_a_running_service_is_verified_from_within_and_from_outside(ledger_home: Path) -> None:
    with serving(ledger_home) as service:
        with service.client() as client:
            sent = [*market(), *(order(f"po-{number}") for number in range(300))]
            assert client.post("/api/v1/events", json=sent).status_code == 201

            def is_covered() -> bool:
                return client.get("/log/checkpoint").text.split("\n")[1] == str(len(sent))

            assert wait_until(is_covered)
        done = command(ledger_home, "verify", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["proven"] == len(sent)
        (vkey,) = json.loads(done.stdout)["keys"]
        outside = ["verify", "--log", f"{service.address}/log", "--token", TOKEN, "--vkey", vkey]
        done = auditor(*outside)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "303 of 303 entries read" in done.stdout
        assert auditor(*outside[:3], "--vkey", vkey, "--token", "another").returncode == 69
        conninfo = json.loads(PostgresFolder.below(ledger_home).state.read_text())["conninfo"]
        with psycopg.connect(conninfo) as attacker:
            attacker.execute("set session_replication_role = replica")
            attacker.execute("update ledger_events set state = set_byte(state, 30, 88) where notification_id = 99")
        done = command(ledger_home, "verify")
        assert done.returncode == 5, done.stdout + done.stderr
        assert "position 99 was changed" in done.stdout
        done = auditor(*outside)
        assert done.returncode == 5, done.stdout + done.stderr
        assert "entry 98 was changed" in done.stdout
        assert "Traceback" not in done.stderr


def auditor(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command as somebody who has no home and no ledger."""
    return subprocess.run(
        [sys.executable, "-m", "service", *arguments],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
