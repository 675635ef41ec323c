"""Small ledgers, recorded event by event in stored form."""

from typing import Any

from service.audit.verifier import Event


class Ledger:
    """Recorded events, one after the other."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event_type: str, effective_on: str, data: dict[str, Any], **rest: Any) -> str:
        """Record an event, known on its effective day unless `known_on` says otherwise; its id."""
        position = len(self.events) + 1
        event = {
            "type": event_type,
            "id": f"e{position}",
            "v": 2 if event_type in ("goods-received", "goods-returned") else 1,
            "position": position,
            "recorded_at": f"2026-01-31T12:00:00.{position:06}Z",
            "effective_on": effective_on,
            "known_on": effective_on,
            "basis": "reported",
            "data": data,
        }
        event |= rest
        self.events.append(event)
        return str(event["id"])

    def organization(self, organization_id: str, country: str, parent_id: str | None = None) -> None:
        """Register an organisation as of 2000."""
        data = {"organization_id": organization_id, "name": organization_id.title(), "country": country}
        self.record("organization-registered", "2000-01-01", data | ({"parent_id": parent_id} if parent_id else {}))

    def product(self, product_id: str, vendor_id: str, **attributes: Any) -> None:
        """Register an accelerator as of 2000."""
        data = {"product_id": product_id, "name": product_id.upper(), "vendor_id": vendor_id, "category": "accelerator"}
        self.record("product-registered", "2000-01-01", data | {"attributes": attributes})

    def order(self, order_id: str, effective_on: str, lines: list[dict[str, Any]], **rest: Any) -> str:
        """Place an order with Nvidia for Baidu in USD, unless told otherwise."""
        about = {name: rest.pop(name) for name in ("buyers", "vendor_id", "currency") if name in rest}
        data = {"order_id": order_id, "buyers": ["baidu"], "vendor_id": "nvidia", "currency": "USD", "lines": lines}
        return self.record("order-placed", effective_on, data | about, **rest)

    def supply(self, effective_on: str, lines: list[dict[str, Any]], **rest: str) -> None:
        """Assert that Baidu is supplied by its own Kunlunxin; the same assertion each time."""
        data = {"assertion_id": "s1", "buyer_id": "baidu", "vendor_id": "kunlunxin", "statement": "in use"}
        self.record("supply-asserted", effective_on, data | ({"lines": lines} if lines else {}), **rest)


def line(quantity: Any, amount: Any = None, product_id: str | None = "a800", number: str = "1") -> dict[str, Any]:
    """An order line."""
    return {"line": number, "product_id": product_id, "quantity": quantity, "amount": amount}


def market() -> Ledger:
    """Baidu with its Kunlunxin, Tencent and Alibaba of China; Nvidia and its A800 of the United States; Huawei."""
    ledger = Ledger()
    for organization_id, country in [("baidu", "CN"), ("tencent", "CN"), ("alibaba", "CN"), ("huawei", "CN")]:
        ledger.organization(organization_id, country)
    ledger.organization("nvidia", "US")
    ledger.organization("kunlunxin", "CN", "baidu")
    ledger.product("a800", "nvidia", tpp="4988.8", datacentre=True)
    return ledger
