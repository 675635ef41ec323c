"""The schemas that ledgers had, each at some time the last of the project's."""

from pathlib import Path

from service.storing.migrations import migrations

#: The first migration as it was on its first day.
FIRST = Path(__file__).with_name("first_ledger.sql").read_bytes()
#: Migrations by their numbers, as they came together: the third and the fifth were there before the second.
EARLY = ((1,), (1, 3), (1, 3, 5), (1, 2, 3, 5))
#: From here on each came behind the ones before it.
IN_ORDER_FROM = 5


def schemas() -> dict[str, dict[str, bytes]]:
    """By what they are called: the scripts that made them, by name."""
    known = migrations()
    names = {int(name[:4]): name for name in known}
    later = (tuple(range(1, last + 1)) for last in range(IN_ORDER_FROM, len(known)))
    made = {_called(numbers): {names[one]: known[names[one]] for one in numbers} for numbers in (*EARLY, *later)}
    return {"the first day's": {names[1]: FIRST}, **made}


def _called(numbers: tuple[int, ...]) -> str:
    if len(numbers) >= IN_ORDER_FROM:
        return f"0001 to {numbers[-1]:04}"
    return "+".join(f"{one:04}" for one in numbers)
