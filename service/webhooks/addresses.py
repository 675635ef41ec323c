"""Where webhooks may be sent: to public addresses, and to those that the operator names."""

import ipaddress
import re
import socket
from collections.abc import Iterator, Sequence

import httpx2

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: All that is assigned to the public in IPv6 (RFC 4291, the IANA registry).
PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")
#: What leads on to an IPv4 address: by a translator (RFC 6052), by a relay (RFC 3056).
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
#: Interface identifiers that end in an IPv4 address (ISATAP, RFC 5214).
ISATAP = (0x00005EFE, 0x02005EFE)
#: Special ranges that some versions of Python's registry take for global: protocol assignments, relays of 6to4,
#: documentation.
SPECIAL: tuple[Network, ...] = (
    ipaddress.IPv4Network("192.0.0.0/24"),
    ipaddress.IPv4Network("192.88.99.0/24"),
    ipaddress.IPv6Network("3fff::/20"),
)
NOT_PUBLIC = "is not a public address; the operator may allow it (DAYBOOK_WEBHOOK_NETWORKS)"


def parsed(url: str) -> httpx2.URL:
    """A webhook's address, read as it is when something is sent there; ValueError says what is wrong with it."""
    if re.search(r"[^\x21-\x7e\u00a1-\ud7ff\ue000-\U0010ffff]|\\", url):
        raise ValueError("has a character that is in no address")
    try:
        found = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError):
        raise ValueError("must be an https address such as https://buying.example/daybook") from None
    if found.scheme not in ("https", "http") or not found.host:
        raise ValueError("must be an https address such as https://buying.example/daybook")
    if "@" in url.partition("//")[2].partition("/")[0] or found.userinfo or "#" in url:
        raise ValueError("has neither a user nor a fragment")
    if "%" in found.host or not 0 < (443 if found.port is None else found.port) < 65_536:
        raise ValueError("has no zone, and a port from 1 to 65535")
    return found


def plainly_refused(url: httpx2.URL, networks: Sequence[Network]) -> bool:
    """Whether an address needs no look-up to be known as one where nothing may be sent."""
    host = url.host.rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return not allowed(ipaddress.IPv4Address("127.0.0.1"), networks)
    address = _written_out(host)
    return address is not None and not allowed(address, networks)


def _written_out(host: str) -> Address | None:
    """The address that a host is the text of, in any of the forms that the system reads; None: it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        # 127.1, 0x7f000001, 017700000001, 2130706433
        return ipaddress.IPv4Address(socket.inet_aton(host)) if host.isascii() else None
    except OSError:
        return None


def allowed(address: Address, networks: Sequence[Network] = ()) -> bool:
    """Whether something may be sent to an address: it is public, and so is each that it leads on to, or the operator
    allows it; the machine's own addresses are never public.
    """
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if any(address.version == network.version and address in network for network in networks):
        return True
    if not _is_public(address) or _is_own(address):
        return False
    return all(allowed(inner, networks) for inner in _led_on_to(address))


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return False
        if address in NAT64:
            return True  # as public as what it leads on to
        if address not in PUBLIC_V6:
            return False
    if any(address.version == special.version and address in special for special in SPECIAL):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _led_on_to(address: Address) -> Iterator[ipaddress.IPv4Address]:
    """The IPv4 addresses that an IPv6 address contains."""
    if isinstance(address, ipaddress.IPv4Address):
        return
    number = int(address)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address in NAT64 or (number >> 32) & 0xFFFF_FFFF in ISATAP:
        yield ipaddress.IPv4Address(number & 0xFFFF_FFFF)


def _is_own(address: Address) -> bool:
    """Whether this machine itself has an address: nothing else can be bound here."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as trial:
            trial.bind((str(address), 0))
    except OSError:
        return False
    return True
