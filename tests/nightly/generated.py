"""What generated requests are changed to, so that some of them speak of things that are there; read by Schemathesis."""

import json
import random
from typing import Any

import schemathesis

from service.web.description.examples import NAMED

#: Of what the story tells.
KNOWN: dict[str, tuple[str, ...]] = {
    "buyer": ("baidu", "kunlunxin"),
    "buyers": ("baidu", "kunlunxin"),
    "buyer_id": ("baidu", "kunlunxin"),
    "vendor": ("huawei", "kunlunxin"),
    "vendor_id": ("huawei", "kunlunxin"),
    "parent": ("baidu",),
    "parent_id": ("baidu", "huawei"),
    "parties": ("baidu", "huawei"),
    "party": ("baidu",),
    "product": ("hw-910b",),
    "product_id": ("hw-910b",),
    "products": ("hw-910b",),
    "key": ("huawei", "baidu"),
    "subject": ("huawei", "hw-910b", "ear-2023-10"),
    "retracts": ("huawei-renamed", "hw-910b-memory", "ecb-2023-08-31", "baidu-huawei-widened"),
    "annotates": ("baidu-huawei-placed", "huawei-renamed"),
    "licence_id": ("lic-2024-7",),
    "line": ("1", "2"),
    "currency": ("EUR", "USD", "CNY"),
    "country": ("CN", "US", "DE"),
    "effective_on": ("2023-08-31", "2024-01-01", "2025-06-30"),
    "known_on": ("2023-12-31", "2024-06-30"),
    "position": (1, 5, 20),
    "min_position": (1, 5, 20),
    "by": ("vendor", "maker", "parent", "country", "product", "category", "site", "attribute:tpp"),
    "step": ("P1M", "P1Y", "P7D"),
    "window": ("P1Y", "P6M"),
}
IDENTIFIERS = tuple(NAMED.values())
#: How much of what is generated is kept as it is.
KEPT = 0.4


def _chance(value: Any) -> random.Random:
    """Chance that depends on what was generated alone, so that a run can be repeated."""
    return random.Random(json.dumps(value, sort_keys=True, default=repr))


def _changed(name: str, value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        return {key: _changed(str(key), one, chance) for key, one in value.items()}
    if name in KNOWN and chance.random() > KEPT:
        known = [str(one) if isinstance(value, str) else one for one in KNOWN[name]]
        return [chance.choice(known) for _ in value] if isinstance(value, list) else chance.choice(known)
    if isinstance(value, list):
        return [_changed(name, one, chance) for one in value]
    return value


@schemathesis.hook
def map_query(context: schemathesis.HookContext, query: Any) -> Any:
    """Parameters of which some are about what is there."""
    return _changed("", query, _chance(query)) if isinstance(query, dict) else query


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    """A body of which some is about what is there."""
    return _changed("", body, _chance(body)) if isinstance(body, dict | list) else body


@schemathesis.hook
def map_path_parameters(context: schemathesis.HookContext, path_parameters: Any) -> Any:
    """A path that mostly leads to something."""
    if not isinstance(path_parameters, dict) or "identifier" not in path_parameters:
        return path_parameters
    chance = _chance(path_parameters)
    operation = context.operation
    collection = (
        "" if operation is None else operation.path.removeprefix("/api/v1/").removeprefix("views/").split("/")[0]
    )
    named = OF_COLLECTIONS.get(collection)
    if named is None or chance.random() < KEPT / 2:
        return path_parameters
    return {**path_parameters, "identifier": named}


OF_COLLECTIONS = {
    "orders": NAMED["order"],
    "organizations": NAMED["organization"],
    "products": NAMED["product"],
    "partnerships": NAMED["partnership"],
    "regulations": NAMED["regulation"],
    "supply-assertions": NAMED["supply"],
    "exchange-rates": NAMED["rates"],
}


@schemathesis.serializer("application/x-ndjson", "application/ndjson", "application/jsonl", "application/toml")
def as_text(context: schemathesis.SerializationContext, value: Any) -> Any:
    """Text as it was generated, and what is none as JSON."""
    if isinstance(value, bytes):
        return value
    return value.encode("utf-8", "replace") if isinstance(value, str) else json.dumps(value, default=repr).encode()
