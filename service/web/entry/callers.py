"""Where a request comes from, as far as that is known: by the connection, or by the word of a proxy that is trusted."""

import ipaddress
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import Scope

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: One customer of a provider has at least so much of IPv6.
CUSTOMER_BITS = 64


def caller(scope: Scope, proxies: Sequence[Network] = ()) -> str:
    """Who is counted as one: an IPv4 address, or the 64 bits of a network in IPv6; empty where nothing is known.

    Only a proxy of these networks is believed about whom it speaks for (`X-Forwarded-For`), from the last on.
    """
    client = scope.get("client")
    address = _read(client[0]) if client else None
    if address is None:
        return ""
    said = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
    while _is_one_of(address, proxies) and said:
        before = _read(said.pop())
        if before is None:
            break
        address = before
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.IPv6Network((int(address), CUSTOMER_BITS), strict=False))


def _read(text: str) -> Address | None:
    """An address, perhaps with a port; None: it is none."""
    plain = text.strip()
    if plain.startswith("["):
        plain = plain[1:].partition("]")[0]
    elif plain.count(":") == 1:
        plain = plain.partition(":")[0]
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_one_of(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
