"""Webhooks over HTTP: an operator's way to have new events sent to other systems."""

import json
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.requests import Request
from starlette.responses import Response

from domain.catalogue import EVENT_TYPES
from domain.errors import Invalid
from service.asking.clocks import BeyondTheLedger
from service.recording.idempotency import KeyTaken
from service.recording.receipts import IdempotencyKey
from service.settings import Settings
from service.shapes import things
from service.web.bodies import JSON
from service.web.context import TRIALS_AT_ONCE, Context, Current
from service.web.description.answers import ALWAYS, REPLAYED, Answer, Described, in_json, ref
from service.web.entry.access import LOOPBACK
from service.web.entry.permissions import MANAGE
from service.web.idempotency import key_of
from service.web.parameters import Word
from service.web.problems import HttpProblem
from service.webhooks.addresses import NOT_PUBLIC, parsed, plainly_refused
from service.webhooks.delivery import DeliveryAttempt
from service.webhooks.registry import RegisteredWebhook

router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"], dependencies=[MANAGE])

LONGEST_URL = 2_000
SAYING_REPLAYED = {REPLAYED: "true"}
#: What may be asked next of a webhook that was made.
LINKS = {
    name: {"operationId": name, "parameters": {"identifier": "$response.body#/id"}}
    for name in (
        "read_webhook",
        "pause_webhook",
        "resume_webhook",
        "replay_webhook",
        "rotate_webhook_secret",
        "test_webhook",
        "remove_webhook",
    )
}


class NewWebhook(BaseModel):
    """Which events are to be sent, and where to."""

    model_config = ConfigDict(extra="forbid", strict=True)

    #: https; plain http to this machine itself, or where the operator allows it.
    url: str = Field(max_length=LONGEST_URL, examples=["https://buying.example/daybook"])
    #: Event types; empty: all.
    types: list[str] = Field(default_factory=list, max_length=100, examples=[["order-placed"]])
    #: Streams such as order/po-1; empty: all.
    streams: list[str] = Field(default_factory=list, max_length=1_000)
    #: The first event that is sent is the one behind this position; absent: the ledger's end.
    after: int | None = Field(default=None, ge=0, le=2**62)

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        parsed(url)
        return url

    @field_validator("types")
    @classmethod
    def _known(cls, types: list[str]) -> list[str]:
        if unknown := sorted(set(types) - set(EVENT_TYPES)):
            raise ValueError(f"there is no event type {unknown[0]!r:.80}")
        return sorted(set(types))

    @field_validator("streams")
    @classmethod
    def _writable(cls, streams: list[str]) -> list[str]:
        if any(re.search(r"[\x00\ud800-\udfff]", stream) for stream in streams):
            raise ValueError("there is a NUL or a lone surrogate in a stream, which is in no id")
        return streams


class Replay(BaseModel):
    """From where events are to be sent again."""

    model_config = ConfigDict(extra="forbid", strict=True)

    after: int = Field(ge=0, le=2**62)


def _sent(example: Mapping[str, Any]) -> dict[str, Any]:
    """An example of a body, whose model says the rest."""
    return {"content": {JSON: {"example": example}}}


def _changing(name: str, shape: type) -> Described:
    """What is said of a route that changes one webhook."""
    answers = {200: in_json(shape, REPLAYED)}
    return Described(name, answers, (*ALWAYS, 404, 408, 413, 415, 422), headers=("Idempotency-Key",))


@router.post(
    "",
    status_code=201,
    **Described(
        "create_webhook",
        {
            201: Answer("Made.", {JSON: ref(things.WebhookWithSecret)}, ("Location",), LINKS),
            200: Answer("Made before.", {JSON: ref(things.WebhookWithSecret)}, ("Location", REPLAYED), LINKS),
        },
        (*ALWAYS, 408, 413, 415, 422),
        headers=("Idempotency-Key",),
        body=_sent({"url": "https://buying.example/daybook", "types": ["order-placed"]}),
    ).route(),
)
async def create_webhook(request: Request, context: Current, wanted: NewWebhook) -> Response:
    """Have events sent to an address from now on; the answer is the only one that shows the secret."""
    key = key_of(request, await request.body())
    before = None if key is None else await context.rooms.managing.run(context.deliveries.webhooks.made_before, key)
    if before is not None:
        return _made(before, 200)
    _refuse_elsewhere(wanted.url, context.settings)
    head = await _head(context)
    after = head if wanted.after is None else wanted.after
    if after > head:
        raise BeyondTheLedger(f"position {after} is beyond the head, {head}")
    create = context.deliveries.webhooks.create
    try:
        made = await context.rooms.managing.run(create, wanted.url, wanted.types, wanted.streams, after, key)
    except KeyTaken:
        # By the same request, at the same time.
        assert key is not None
        before = await context.rooms.managing.run(context.deliveries.webhooks.made_before, key)
        assert before is not None
        return _made(before, 200)
    context.deliveries.wake()
    return _made(made, 201)


@router.get("", **Described("list_webhooks", {200: in_json(things.Webhooks)}).route())
async def list_webhooks(context: Current) -> Response:
    """Every webhook, with the position up to which it has received events, and what went wrong."""
    found = await context.rooms.managing.run(context.deliveries.webhooks.all)
    return _json({"webhooks": [described(one) for one in found]})


@router.get("/{identifier}", **Described("read_webhook", {200: in_json(things.Webhook)}, (*ALWAYS, 404)).route())
async def read_webhook(context: Current, identifier: Word) -> Response:
    """One webhook."""
    return _json(described(await context.rooms.managing.run(context.deliveries.webhooks.find, identifier)))


@router.delete(
    "/{identifier}",
    status_code=204,
    **Described("remove_webhook", {204: Answer("It is sent nothing more.")}, (*ALWAYS, 404)).route(),
)
async def remove_webhook(context: Current, identifier: Word) -> Response:
    """Send it nothing more."""
    await context.rooms.managing.run(context.deliveries.webhooks.remove, identifier)
    return Response(status_code=204)


@router.post("/{identifier}/pause", **_changing("pause_webhook", things.Webhook).route())
async def pause_webhook(request: Request, context: Current, identifier: Word) -> Response:
    """Send it nothing until it is resumed; then it goes on where it was."""
    webhooks = context.deliveries.webhooks
    return await _once(request, context, lambda key: webhooks.set_status(identifier, "paused", key))


@router.post("/{identifier}/resume", **_changing("resume_webhook", things.Webhook).route())
async def resume_webhook(request: Request, context: Current, identifier: Word) -> Response:
    """Go on where it was, paused or disabled."""
    webhooks = context.deliveries.webhooks
    return await _once(request, context, lambda key: webhooks.set_status(identifier, "active", key))


@router.post(
    "/{identifier}/replay",
    **replace(_changing("replay_webhook", things.Webhook), body=_sent({"after": 0})).route(),
)
async def replay_webhook(request: Request, context: Current, identifier: Word, replay: Replay) -> Response:
    """Send it again everything behind a position."""
    head = await _head(context)
    if replay.after > head:
        raise BeyondTheLedger(f"position {replay.after} is beyond the head, {head}")
    webhooks = context.deliveries.webhooks
    return await _once(request, context, lambda key: webhooks.set_back(identifier, replay.after, key))


@router.post("/{identifier}/rotate-secret", **_changing("rotate_webhook_secret", things.WebhookWithSecret).route())
async def rotate_secret(request: Request, context: Current, identifier: Word) -> Response:
    """A new secret; for a day what is sent is signed with the one before, too."""
    webhooks = context.deliveries.webhooks
    return await _once(request, context, lambda key: webhooks.rotate(identifier, key), show_secret=True)


@router.post("/{identifier}/test", **_changing("test_webhook", things.Attempt).route())
async def test_webhook(request: Request, context: Current, identifier: Word) -> Response:
    """Send a message of type daybook.webhook-test now, and say how that went; it counts as no delivery."""
    key = key_of(request, await request.body())
    before = None if key is None else await context.rooms.managing.run(context.deliveries.webhooks.tried_before, key)
    if before is not None:
        return _json(dict(before), headers=SAYING_REPLAYED)
    webhook = await context.rooms.managing.run(context.deliveries.webhooks.find, identifier)
    message_id = f"test-{secrets.token_hex(8)}"
    message = {
        "specversion": "1.0",
        "id": message_id,
        "source": f"urn:daybook:webhook:{webhook.id}",
        "type": "daybook.webhook-test",
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    body = json.dumps(message).encode()
    if context.trials.available_tokens < 1:
        detail = f"{TRIALS_AT_ONCE} webhooks are being tried already"
        raise HttpProblem("unavailable", detail, headers={"Retry-After": "10"})
    async with context.trials:
        attempt: DeliveryAttempt = await context.deliveries.sender.send(webhook, message_id, body)
    outcome = {"delivered": attempt.error is None, "status": attempt.status, "error": attempt.error}
    if key is not None:
        with suppress(KeyTaken):  # by the same request, at the same time
            await context.rooms.managing.run(context.deliveries.webhooks.tried, key, outcome)
    return _json(outcome)


async def _once(
    request: Request,
    context: Context,
    change: Callable[[IdempotencyKey | None], RegisteredWebhook],
    *,
    show_secret: bool = False,
) -> Response:
    """Change a webhook, or, where that was done under the same idempotency key before, return it as it is now."""
    webhooks = context.deliveries.webhooks
    key = key_of(request, await request.body())
    changed = None if key is None else await context.rooms.managing.run(webhooks.made_before, key)
    headers = {} if changed is None else SAYING_REPLAYED
    if changed is None:
        try:
            changed = await context.rooms.managing.run(change, key)
        except KeyTaken:
            # By the same request, at the same time.
            assert key is not None
            changed, headers = await context.rooms.managing.run(webhooks.made_before, key), SAYING_REPLAYED
            assert changed is not None
        context.deliveries.wake()
    shown = {"secret": changed.secret} if show_secret else {}
    return _json({**described(changed), **shown}, headers=headers)


def _made(webhook: RegisteredWebhook, status: int) -> Response:
    """A webhook just made, or made before under the same key."""
    headers = {"Location": f"/api/v1/webhooks/{webhook.id}"}
    if status == 200:
        headers |= SAYING_REPLAYED
    return _json({**described(webhook), "secret": webhook.secret}, status, headers)


def described(webhook: RegisteredWebhook) -> dict[str, Any]:
    """What is answered of a webhook: all but its secret."""
    return {
        "id": webhook.id,
        "url": webhook.url,
        "types": webhook.types,
        "streams": webhook.streams,
        "status": webhook.status,
        "position": webhook.position,
        "failures": webhook.failures,
        "retry_at": _instant(webhook.retry_at),
        "last_error": webhook.last_error,
        "last_delivered_at": _instant(webhook.last_delivered_at),
        "created_at": _instant(webhook.created_at),
    }


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _refuse_elsewhere(url: str, settings: Settings) -> None:
    """Refuse what is known without a look-up as an address where nothing is sent; the others are looked at then."""
    address = parsed(url)
    if address.scheme == "http" and f"{address.host}" not in LOOPBACK and not settings.webhook_http:
        raise Invalid.at("/url", "plain http would show the events to everybody in between: use https")
    if plainly_refused(address, settings.webhook_networks):
        raise Invalid.at("/url", NOT_PUBLIC)


def _json(content: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(content, ensure_ascii=False).encode(), status, headers, JSON)


async def _head(context: Context) -> int:
    return (await context.rooms.managing.run(context.daybook.ledger.recorder.head)).position
