"""What columns are called: in five languages, and in the standard exports of purchasing systems."""

from collections.abc import Callable, Iterator, Sequence

from domain.names import words_of

#: What a column can be, and its names as `words_of` writes them, parted by bars; the more telling ones first, since
#: of several columns the one whose name stands first counts. Languages: English, German, French, Spanish, Chinese.
#: Systems: SAP (ME2M, EKPO), Odoo, ERPNext, Coupa, Oracle, eSCPRS, UK spend over 25,000 pounds, PhilGEPS.
NAMES = {
    "order": "purchase order number|purchase order no|purchase order id|purchasing document|purchase order|po number"
    "|po no|po num|po id|po|order number|order no|order id|order reference|order ref|order|award reference no"
    "|award notice no|transaction number|transaction no|invoice number|ebeln|segment1|document number|contract number"
    "|contract no|einkaufsbeleg|bestellnummer|bestellung|bestell nr|bestellnr|belegnummer|auftragsnummer"
    "|numero de commande|n de commande|no commande|commande|numero de pedido|pedido|orden de compra|no de orden"
    "|po so|采购订单|采购订单号|订单号|订单编号|采购凭证",
    "line": "line number|line no|line item no|line num|po line|po line number|order line|line id|line|item no"
    "|item number|item|pos|ebelp|position|zeile|bestellposition|ligne|no ligne|poste|linea|posicion|行号|行项目|项目",
    "placed": "purchase date|order date|po date|document date|date ordered|ordered on|ordered|award date|bedat|aedat"
    "|creation date|created date|created on|date created|date|posting date|payment date|invoice date|bestelldatum"
    "|belegdatum|datum|auftragsdatum|date de commande|date commande|date|fecha de pedido|fecha de orden|fecha"
    "|订单日期|采购日期|凭证日期|日期",
    "recorded": "creation date|created date|created on|date created|entry date|posting date|published date award"
    "|erfasst am|erstellt am|date de creation|fecha de creacion|创建日期",
    "due": "delivery date|required by|need by date|need by|due date|due|expected arrival|scheduled delivery date"
    "|promised date|eindt|lieferdatum|liefertermin|date de livraison prevue|date de livraison|fecha de entrega"
    "|交货日期|要求交货日期",
    "received": "received on|receipt date|date received|arrived|delivered on|delivered|wareneingangsdatum|eingangsdatum"
    "|date de reception|fecha de recepcion|收货日期",
    "vendor": "supplier name|vendor name|name of supplier|name of vendor|supplier supplying plant"
    "|vendor supplying plant|awardee organization name|awardee corporate title|supplier|vendor|partner|seller"
    "|beneficiary|merchant name|payee|name1|lieferant lieferwerk|lieferantenname|name des lieferanten|lieferant"
    "|kreditor|nom du fournisseur|fournisseur|titulaire|nombre del proveedor|proveedor|adjudicatario"
    "|供应商|供应商名称|供货商|卖方",
    "vendor_country": "supplier country|vendor country|country of supplier|country of awardee|land1|lieferantenland"
    "|land des lieferanten|pays du fournisseur|pais del proveedor|供应商国家|country|land|pays|pais|国家",
    "parent": "supplier parent|parent supplier|parent company|supplier group|ultimate parent|parent|konzern"
    "|muttergesellschaft|maison mere|groupe|matriz|empresa matriz|母公司|集团",
    "buyer": "department name|procuring entity|organization name|organisation name|requisitioning bu|procurement bu"
    "|business unit|buying entity|entity|buyer|company|company code|department family|department|body name|plant"
    "|bukrs|werks|werk|buchungskreis|besteller|abteilung|acheteur|societe|service|comprador|entidad|empresa"
    "|采购方|采购单位|买方|公司|工厂|部门",
    "quantity": "order quantity|ordered quantity|quantity ordered|qty ordered|quantity|qty|menge|bestellmenge|anzahl"
    "|quantite|qte|cantidad|数量|订单数量|采购数量",
    "price": "unit price|net price|price|netpr|price unit|einzelpreis|nettopreis|stuckpreis|preis|prix unitaire|prix"
    "|precio unitario|precio|单价|净价",
    "amount": "net order value|total price|line total|line amount|line value|subtotal|net amount|extended price"
    "|line item value|reporting total|order value|netwr|ordered amount|amount ordered|amount|amount gbp|amount in gbp"
    "|total amount|ordered|net value|net|value|total|spend|nettobestellwert|nettowert|nettobetrag|gesamtpreis|betrag"
    "|wert"
    "|montant ht|montant|montant total|importe|monto|importe total|金额|净价值|总价|订单净值|总金额",
    "total": "contract amount|order total|po total|total order amount|award amount|total contract value"
    "|gesamtauftragswert|auftragssumme|montant total de la commande|importe total del pedido|合同金额|订单总额",
    "currency": "currency code|currency|curr|crcy|waers|wahrung|devise|monnaie|moneda|divisa|币种|货币",
    "product": "item name|item description|short text|material description|product name|product|description"
    "|item desc|item|txz01|article|expense type|kurztext|materialbezeichnung|bezeichnung|artikel|artikelbezeichnung"
    "|beschreibung|designation|libelle|descripcion|articulo|producto|物料描述|品名|商品名称|产品|短文本|描述",
    "product_id": "item code|material|material number|product id|sku|part number|matnr|materialnummer|artikelnummer"
    "|reference article|codigo de articulo|物料|物料编号|物料号",
    "category": "commodity title|commodity|category name|category|material group|item group|product category|matkl"
    "|business category|unspsc description|expense area|warengruppe|kategorie|categorie|famille|categoria|familia"
    "|物料组|类别|品类",
    "status": "status|order status|po status|line status|award notice status|deletion indicator|loekz"
    "|loschkennzeichen|statut|etat|estado|状态|订单状态",
}
#: What stands in a name behind what a column can be: "Amount (GBP)", "Net value in EUR".
CURRENCIES = ("usd", "eur", "gbp", "chf", "jpy", "cny", "rmb", "inr", "php", "cad", "aud", "brl", "mxn", "sek", "pln")
#: Words of a name that make it another column's: "Received Qty" is no quantity that was ordered.
OTHERS = frozenset(
    [
        "received",
        "billed",
        "pending",
        "delivered",
        "invoiced",
        "delivery",
        "gross",
        "tax",
        "vat",
        "bill",
        "returned",
        "still",
        "open",
        "eingang",
        "geliefert",
        "code",
        "zip",
        "postcode",
        "region",
        "province",
        "city",
        "size",
        "budget",
        "approved",
        "discount",
    ]  # to read at once
)


def _ranks() -> Iterator[tuple[str, str, int]]:
    for role, names in NAMES.items():
        # Another date of an order is its own where there is no better one.
        first = 500 if role in ("recorded", "total") else 0
        for rank, name in enumerate(names.split("|"), first):
            yield words_of(name), role, rank


_KNOWN: dict[str, list[tuple[str, int]]] = {}
for _name, _role, _rank in _ranks():
    _KNOWN.setdefault(_name, []).append((_role, _rank))
#: A name that only contains another is worth less than any that is one.
WITHIN = 1_000


def roles_of(name: str) -> list[tuple[str, int]]:
    """What a column of this name can be, each with a rank: the lowest is the most telling."""
    words = words_of(name[:200])
    # Exports of nested tables say in brackets or before a slash what the column is of.
    bare = words_of(name[:200].rpartition("/")[2].partition("(")[0])
    parts = [part for part in words.split() if part not in CURRENCIES]
    found = _KNOWN.get(words) or _KNOWN.get(bare) or _KNOWN.get(" ".join(parts)) or []
    if found or OTHERS & set(parts):
        return found
    return [
        (role, WITHIN + rank)
        for known, roles in _KNOWN.items()
        if len(known) > 3 and f" {known} " in f" {words} "
        for role, rank in roles
    ]


def currency_in(name: str) -> str | None:
    """The currency that a column's name says."""
    found = [word for word in words_of(name[:200]).split() if word in CURRENCIES]
    if found:
        return "CNY" if found[0] == "rmb" else found[0].upper()
    return next((code for sign, code in SIGNS.items() if sign in name), None)


#: Signs that mean one currency, or one mostly.
SIGNS = {"€": "EUR", "£": "GBP", "₱": "PHP", "₹": "INR", "US$": "USD", "$": "USD", "¥": "CNY", "元": "CNY"}


def assigned(columns: Sequence[str], fits: Callable[[str, int], bool]) -> dict[str, int]:
    """The place of the column for each role, by their names and where its contents fit; a column has one role."""
    wanted = sorted((rank, place, role) for place, name in enumerate(columns) for role, rank in roles_of(name))
    found: dict[str, int] = {}
    taken: set[int] = set()
    for _, place, role in wanted:
        if role not in found and place not in taken and fits(role, place):
            found[role] = place
            taken.add(place)
    return found
