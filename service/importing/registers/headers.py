"""What the columns of tables of organisations, products and rates are called, and which of these a table is."""

from collections.abc import Mapping, Sequence

from domain.names import words_of
from service.importing.orders.suggesting.headers import WITHIN, roles_of

#: By kind, what a column can be, and its names as `words_of` writes them, parted by bars.
NAMES: Mapping[str, Mapping[str, str]] = {
    "organizations": {
        "id": "organization id|organisation id|id|vendor id|supplier id|vendor no|vendor number|supplier no"
        "|supplier number"
        "|company id|lifnr|kreditor|lieferantennummer|code|key",
        "name": "organization name|organisation name|name|organization|organisation|company name|company|legal name"
        "|vendor name|supplier name|vendor|supplier|name1|firma|firmenname|lieferant|lieferantenname"
        "|organisation name"
        "|raison sociale|fournisseur|societe|nom|razon social|proveedor|empresa|nombre|公司|公司名称|供应商|名称",
        "country": "country|country code|country of incorporation|home country|land|land1|landerschlussel"
        "|pays|pais|国家",
        "parent": "parent|parent id|parent company|parent organization|parent organisation|ultimate parent"
        "|owner|owned by"
        "|group|konzern|muttergesellschaft|maison mere|groupe|matriz|母公司|集团",
        "parent_since": "parent since|owned since|owner since|parent from|acquired on|acquisition date|date acquired",
        "parent_until": "parent until|owned until|owner until|parent to|sold on",
        "since": "since|valid from|effective on|effective from|founded|founded on|registered on|gultig ab|depuis|desde",
        "known_on": "known on|known since",
    },
    "products": {
        "id": "product id|id|product code|item code|sku|material|material number|matnr|part number"
        "|artikelnummer|chip id"
        "|code|key",
        "name": "product name|name|product|item name|item|material description|description|maktx|bezeichnung|artikel"
        "|designation|producto|nombre|产品|品名|名称",
        "category": "category|product category|material group|item group|commodity|matkl|warengruppe"
        "|kategorie|categorie"
        "|categoria|类别|品类",
        "maker": "maker|manufacturer|vendor id|made by|producer|designer|vendor|hersteller|fabricant|fabricante|制造商",
        "foundry": "foundry|fab",
        "since": "since|valid from|effective on|effective from|launch|launched|launch date|released"
        "|release date|gultig ab",
        "known_on": "known on|known since",
    },
    "rates": {
        "day": "month|day|date|period|time period|year month|valid on|effective on|quarter|year|monat|datum"
        "|tag|stichtag"
        "|kursdatum|mois|date|fecha|mes|日期|月份",
        "currency": "currency|currency code|quote currency|to currency|curr|iso|iso code|wahrung|devise|moneda|币种"
        "|货币",
        "rate": "rate|exchange rate|fx rate|obs value|value|kurs|wechselkurs|taux|taux de change|tipo de cambio|汇率",
        "base": "base|base currency|from currency|currency denom|basiswahrung",
    },
}
#: What a table has to have to be one of a kind.
NEEDED = {
    "organizations": ("name",),
    "products": ("name",),
    "rates": ("day", "currency", "rate"),
}
#: One of these besides, where no mapping says of which kind a table is.
TELLING = {
    "organizations": ("country", "parent"),
    "products": ("category", "maker"),
    "rates": ("rate",),
}
#: What a table of order lines has: such a table is none of these.
OF_LINES = frozenset(("order", "amount", "quantity", "price", "total"))
#: Schemes of identifiers that are columns of their own, by the column's name.
SCHEMES = {
    "lei": "LEI",
    "duns": "DUNS",
    "d u n s": "DUNS",
    "duns number": "DUNS",
    "vat": "VAT",
    "vat number": "VAT",
    "vat id": "VAT",
    "ust id": "VAT",
    "tax id": "TAX",
    "tax number": "TAX",
    "registration number": "REGISTRATION",
    "company number": "REGISTRATION",
    "handelsregister": "REGISTRATION",
}


def assigned(kind: str, columns: Sequence[str]) -> dict[str, str]:
    """The column of each role, by usual names: of several the one whose name stands first."""
    by_words: dict[str, str] = {}
    for one in columns:
        by_words.setdefault(words_of(one[:200]), one)
    found: dict[str, str] = {}
    for role, names in NAMES[kind].items():
        column: str | None = next((by_words[name] for name in names.split("|") if name in by_words), None)
        if column is not None and column not in found.values():
            found[role] = column
    return found


def kind_of_columns(columns: Sequence[str]) -> str | None:
    """Which of these a table seems to be; None: none of them, or order lines."""
    if _fits("rates", columns):
        return "rates"
    if any(role in OF_LINES and rank < WITHIN for column in columns for role, rank in roles_of(column)):
        return None
    names = {words_of(column[:200]) for column in columns}
    order = ["organizations", "products"]
    if names & {"category", "product", "product id", "item name", "item code"}:
        order.reverse()
    return next((kind for kind in order if _fits(kind, columns)), None)


def _fits(kind: str, columns: Sequence[str]) -> bool:
    roles = assigned(kind, columns)
    return all(role in roles for role in NEEDED[kind]) and any(role in roles for role in TELLING[kind])
