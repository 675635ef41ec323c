"""A running service, asked over HTTP by an auditor."""

from types import TracebackType
from typing import Any, Self

import httpx2 as httpx

from service.audit.questions import Saved

TIMEOUT_S = 120.0
#: Where a service refuses a question as the same question is refused here.
REFUSALS = (400, 404, 422)


class ServiceRefuses(Exception):
    """The service does not answer as one does; the message says how."""


class Remote:
    """One service and a token that it lets in."""

    def __init__(self, url: str, token: str) -> None:
        self.address = url.rstrip("/")
        self._client = httpx.Client(
            base_url=f"{self.address}/api/v1/", headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_S
        )

    def digest(self, position: int) -> dict[str, Any]:
        """The digests of its projection up to a position: `fingerprint` and `tables`."""
        answer = self._get(f"projection/digest?position={position}")
        found = self._json(answer)
        tables = found.get("tables") if isinstance(found, dict) else None
        if answer.status_code != httpx.codes.OK or not isinstance(tables, dict) or "fingerprint" not in found:
            raise ServiceRefuses(
                f"{self.address} states no digest of its projection: {answer.status_code} {found!s:.300}"
            )
        return dict(found)

    def answer(self, saved: Saved) -> Any:
        """Its answer to a question, or that it refuses it."""
        answer = self._get(saved.address)
        found = self._json(answer)
        if answer.status_code in REFUSALS:
            return {"refused": True}
        if answer.status_code != httpx.codes.OK:
            raise ServiceRefuses(f"{self.address} answers {saved.text} with {answer.status_code}: {found!s:.300}")
        return found

    def _get(self, address: str) -> httpx.Response:
        try:
            return self._client.get(address)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ServiceRefuses(f"{self.address} cannot be asked: {error}") from None

    def _json(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError:
            raise ServiceRefuses(f"{self.address} answers {answer.status_code} without JSON") from None

    def close(self) -> None:
        """Let the connection go."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
