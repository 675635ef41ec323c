"""Access tokens as the ledger's database keeps them."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import Connection

from service.storing.ledger import Ledger
from service.storing.tokens import TokenRefused, Tokens, UnknownToken, digest


@pytest.fixture
def tokens(ledger: Ledger) -> Tokens:
    """The tokens of the test's ledger."""
    return Tokens(ledger.recorder.datastore)


def test_a_token_is_let_in_by_its_text_alone(tokens: Tokens) -> None:
    made, text = tokens.create("ERP", "recorder")
    assert tokens.admit(text).id == made.id
    for wrong in (text[:-1], text + "x", text.replace(made.id, "0" * 16), "", "daybook_", f"daybook_{made.id}_"):
        with pytest.raises(TokenRefused, match="not known"):
            tokens.admit(wrong)


def test_only_the_digest_is_kept(tokens: Tokens, owner: Connection[tuple[object, ...]]) -> None:
    made, text = tokens.create("ERP", "recorder")
    rows = owner.execute("select row_to_json(access_tokens)::text, digest from access_tokens").fetchall()
    secret = text.rpartition("_")[2]
    assert [(secret in str(row), kept) for row, kept in rows] == [(False, digest(text))]
    assert made.digest == digest(text)


def test_a_revoked_token_is_refused_at_once_here_and_soon_elsewhere(tokens: Tokens, ledger: Ledger) -> None:
    made, text = tokens.create("ERP", "viewer")
    elsewhere = Tokens(ledger.recorder.datastore)
    assert elsewhere.admit(text).id == made.id
    tokens.revoke(made.id)
    with pytest.raises(TokenRefused, match="revoked"):
        tokens.admit(text)
    assert elsewhere.remembered(text) is not None
    elsewhere._remembered = {made.id: (elsewhere._remembered[made.id][0], -1e9)}
    with pytest.raises(TokenRefused, match="revoked"):
        elsewhere.admit(text)


def test_revoking_twice_keeps_the_first_instant(tokens: Tokens) -> None:
    made, _ = tokens.create("ERP", "viewer")
    first = tokens.revoke(made.id).revoked_at
    assert first is not None
    assert tokens.revoke(made.id).revoked_at == first


def test_an_unknown_token_cannot_be_revoked(tokens: Tokens) -> None:
    with pytest.raises(UnknownToken, match="no token 00ff"):
        tokens.revoke("00ff")


def test_a_token_expires(tokens: Tokens, owner: Connection[tuple[object, ...]]) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    made, text = tokens.create("ERP", "viewer", soon)
    assert tokens.admit(text).expires_at == soon
    owner.execute("update access_tokens set expires_at = now() - interval '1 second' where id = %s", (made.id,))
    with pytest.raises(TokenRefused, match="expired"):
        Tokens(tokens._datastore).admit(text)
    with pytest.raises(ValueError, match="expired already"):
        tokens.create("ERP", "viewer", datetime.now(UTC) - timedelta(seconds=1))


def test_the_last_use_is_kept(tokens: Tokens) -> None:
    made, text = tokens.create("ERP", "viewer")
    assert [one.last_used_at for one in tokens.all()] == [None]
    tokens.admit(text)
    (used,) = tokens.all()
    assert used.last_used_at is not None
    assert used.last_used_at >= made.created_at


def test_the_services_role_changes_nothing_else_of_a_token(tokens: Tokens, ledger: Ledger) -> None:
    tokens.create("ERP", "viewer")
    for statement in ("update access_tokens set role = 'admin'", "delete from access_tokens", "truncate access_tokens"):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            psycopg.connect(
                **{k: v for k, v in ledger.connection_settings.items() if k != "row_factory"}
            ) as connection,
        ):
            connection.execute(statement.encode())
