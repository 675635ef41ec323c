"""Names for events whose sender gave none: UUIDs that sort by time, so that the index grows at its end."""

import os
import time
import uuid


def new_identifier() -> str:
    """A UUID of version 7 (RFC 9562, 5.7): 48 bits of milliseconds, then randomness."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80 | random
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))
