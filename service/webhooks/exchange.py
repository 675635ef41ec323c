"""One message sent over HTTP: within one deadline, to exactly the address that was looked at, and no further."""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import httpcore2
import httpx2

from service.webhooks.addresses import Address, Network, allowed, parsed

#: The whole of an exchange takes no longer: looking the name up, connecting, TLS, sending, and the answer's headers.
TIMEOUT_S = 10.0
#: Addresses of one name that are tried.
MOST_ADDRESSES = 4
#: Names that are looked up at the same time; the system gives up a look-up in its own time, which may be long.
MOST_LOOKUPS = 16
#: What an exchange ends with that does not come to an answer.
FAILURES = (
    httpcore2.NetworkError,
    httpcore2.TimeoutException,
    httpcore2.ProtocolError,
    httpcore2.UnsupportedProtocol,
    OSError,
    ValueError,
)


class Unanswered(Exception):
    """There was no answer. The message says why, for the operator's log: shown to others, it would let them find out
    what there is in the operator's network.
    """


@dataclass(frozen=True, slots=True)
class Answered:
    """How a message was answered."""

    status: int
    retry_after: str | None


class Exchange:
    """Sends messages to addresses that are allowed.

    The proxies of the environment are no business of ours, and a server that redirects is not the one that was named.
    """

    def __init__(self, networks: Sequence[Network] = (), timeout_s: float = TIMEOUT_S) -> None:
        self.timeout_s = timeout_s
        self._networks = tuple(networks)
        self._tls = httpx2.create_ssl_context(trust_env=False)
        self._names = Names()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """Send a body; what is answered beyond the headers is not read. Raises Unanswered."""
        wire = _Wire(self._names, self._networks, self.timeout_s)
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self._post(wire, url, headers, body)
        except TimeoutError:
            raise Unanswered(f"no answer within {self.timeout_s:g} s") from None
        except FAILURES as error:
            said = " ".join(str(error).split())
            raise Unanswered(f"{type(error).__name__}: {said}" if said else type(error).__name__) from error
        finally:
            await wire.close()

    async def _post(self, wire: "_Wire", url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        address = parsed(url)
        sent = {
            "Host": address.netloc.decode("ascii"),
            "Accept": "*/*",
            "Connection": "close",
            **headers,
            "Content-Length": str(len(body)),
        }
        to = httpcore2.URL(scheme=address.raw_scheme, host=address.raw_host, port=address.port, target=address.raw_path)
        lines = [(name.encode(), value.encode()) for name, value in sent.items()]
        async with (
            httpcore2.AsyncConnectionPool(self._tls, max_keepalive_connections=0, network_backend=wire) as pool,
            pool.stream("POST", to, headers=lines, content=body) as answer,
        ):
            said = {name.lower(): value for name, value in answer.headers}
            asked = said.get(b"retry-after")
            return Answered(answer.status, None if asked is None else asked.decode("latin-1"))


class _Wire(httpcore2.AnyIOBackend):
    """Connects to the addresses of a name that are allowed; TLS still asks for the certificate of the name."""

    def __init__(self, names: "Names", networks: Sequence[Network], timeout_s: float) -> None:
        self._names = names
        self._networks = networks
        self._timeout_s = timeout_s
        self._connected: list[httpcore2.AsyncNetworkStream] = []

    async def close(self) -> None:
        """Let go of what was connected to: a deadline in the middle of TLS would leave it open."""
        for stream in self._connected:
            await stream.aclose()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the name that the library has
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        # Shielded: others may wait for the same look-up.
        found = await asyncio.shield(asyncio.wrap_future(self._names.look_up(host, port)))
        fit = [address for address in found if allowed(address, self._networks)][:MOST_ADDRESSES]
        if not fit:
            raise Unanswered(f"{host} has no address that is allowed, only {', '.join(map(str, found)) or 'none'}")
        for number, address in enumerate(fit, 1):
            try:
                # An address that says nothing leaves time for those behind it.
                patience_s = self._timeout_s / len(fit)
                stream = await super().connect_tcp(str(address), port, patience_s, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if number == len(fit):
                    raise
            else:
                self._connected.append(stream)
                return stream
        raise AssertionError("one of them was the last")


class Names:
    """Looks names up, each once at a time, in threads that a name server without an answer may hold for long."""

    def __init__(self) -> None:
        self._under_way: dict[tuple[str, int], Future[list[Address]]] = {}
        self._lock = threading.Lock()

    def look_up(self, host: str, port: int) -> "Future[list[Address]]":
        """The addresses of a host, to come; OSError at once where too many names are looked up already."""
        with self._lock:
            under_way = self._under_way.get((host, port))
            if under_way is not None:
                return under_way
            if len(self._under_way) >= MOST_LOOKUPS:
                raise OSError(f"{MOST_LOOKUPS} names are being looked up already")
            coming: Future[list[Address]] = Future()
            try:
                # No routine: one look-up, bounded in number, whose failure is its caller's, who tries again.
                threading.Thread(target=self._find, args=(host, port, coming), name="names", daemon=True).start()
            except RuntimeError as error:
                raise OSError(str(error)) from None
            self._under_way[host, port] = coming
            return coming

    def _find(self, host: str, port: int, coming: "Future[list[Address]]") -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
            coming.set_result(list(dict.fromkeys(ipaddress.ip_address(place[0]) for *_, place in found)))
        except Exception as error:
            coming.set_exception(error)
        finally:
            with self._lock:
                del self._under_way[host, port]
