"""What others' implementations answer: public test vectors of transparency logs; README.md says whose they are."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def vectors(name: str) -> dict[str, Any]:
    """One file of vectors."""
    read: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return read


def unbase64(text: str | None) -> bytes:
    """Bytes from base64; none from nothing."""
    return b64decode(text or "")
