"""The table of regulation changes says of the market what the seed, written by hand, says of it."""

from datetime import date

from domain.catalogue import read_stored
from domain.json_text import parse_json
from tests.domain_rules.market import Market
from tests.ledgers import Book
from tests.service.importing.conftest import REGULATIONS, SEED, Desk

#: Around each day on which something changed: (effective_on, known_on).
MOMENTS = (
    ("2022-08-25", "2022-09-01"),
    ("2022-08-26", "2022-09-01"),
    ("2022-10-20", "2022-10-20"),
    ("2022-10-21", "2022-10-21"),
    ("2023-08-09", "2023-08-09"),
    ("2023-10-23", "2023-10-24"),
    ("2023-11-16", "2023-10-24"),
    ("2023-11-16", "2023-10-25"),
    ("2023-11-17", "2023-10-25"),
    ("2025-04-09", "2025-04-15"),
    ("2025-05-15", "2025-05-12"),
    ("2025-05-15", "2025-05-13"),
    ("2025-08-08", "2025-08-08"),
)
PRODUCTS = {
    "nvidia": (
        "nv-v100",
        "nv-a100",
        "nv-a800",
        "nv-h100",
        "nv-h800",
        "nv-h20",
        "nv-l40s",
        "nv-l20",
        "nv-rtx4090",
        "nv-h200",
    ),
    "huawei": ("hw-910", "hw-910b", "hw-910c"),
    "kunlunxin": ("kl-1", "kl-2", "kl-p800"),
}


def test_baidu_may_buy_the_same_on_every_day_by_the_table_as_by_the_seed(market: Desk) -> None:
    market.imports(REGULATIONS)
    by_hand = Book(date(2026, 1, 1))
    by_hand.record([parse_json(line) for line in SEED.read_bytes().splitlines()])
    for effective_on, known_on in MOMENTS:
        table = Market(market.events(), effective_on, known_on)
        seed = Market([read_stored(event) for event in by_hand.events], effective_on, known_on)
        for vendor, products in PRODUCTS.items():
            for product in products:
                verdicts = [one.assess("baidu", vendor, product).verdict for one in (table, seed)]
                assert verdicts[0] == verdicts[1], (effective_on, known_on, product)
