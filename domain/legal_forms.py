"""What companies' names say of their legal form, in many languages: no part of what distinguishes one from another."""

from domain.names import words_of

# One paragraph each to read, not a hundred lines.
#: Behind a name, as they are written.
_BEHIND = """
    Ltd|Limited|PLC|LLC|LLP|LP|Inc|Incorporated|Corp|Corporation|Co|Company|Private Limited|Pvt|Pte|Pty|Public Limited
    Company|DAC|Unlimited|PC|PLLC|NA|GmbH|mbH|gGmbH|AG|KG|KGaA|OHG|UG|UG haftungsbeschränkt|SE|e.V.|eG|Gesellschaft mit
    beschränkter Haftung|Aktiengesellschaft|& Co|S.A.|S/A|S. A.|SAS|SASU|SARL|S.à r.l.|EURL|SNC|SCA|SCS|Société Anonyme|
    Ltée|Cie|S.L.|S.L.U.|SAU|S. L.|S.A. de C.V.|S.A.B. de C.V.|S. de R.L. de C.V.|SAPI de CV|de C.V.|SpA|S.p.A.|Srl|
    S.r.l.|Sapa|Sociedad Anónima|Sociedad Limitada|Sociedade Anônima|Ltda|Lda|EIRL|EIRELI|ME|EPP|SAC|SAA|B.V.|N.V.|VOF|
    BVBA|SPRL|AB|Aktiebolag|publ|A/S|AS|ASA|ApS|Oy|Oyj|Ab Oy|OÜ|UAB|SIA|Sp. z o.o.|Sp. z o. o.|spółka z ograniczoną
    odpowiedzialnością|Sp. k.|S.K.A.|s.r.o.|spol. s r.o.|a.s.|k.s.|v.o.s.|Kft|Zrt|Nyrt|Bt|d.o.o.|d.d.|j.d.o.o.|EOOD|OOD|
    EAD|AD|ЕООД|ООД|ЕАД|АД|ДОО|S.C.|ТОВ|ООО|ОАО|ЗАО|ПАО|АО|LLC OOO|A.Ş.|Ltd. Şti.|Anonim Şirketi|Limited Şirketi|Tic|
    Α.Ε.|Ε.Π.Ε.|Ι.Κ.Ε.|בע"מ|ش.م.م|ش.م.ع|ذ.م.م|FZE|FZCO|FZ|FZC|WLL|W.L.L.|PJSC|OJSC|CJSC|JSC|QSC|KSC|SAOG|SAOC|SAL|DOO|
    Sdn Bhd|Sdn|Bhd|Tbk|K.K.|G.K.|Y.K.|Kabushiki Kaisha|Godo Kaisha|प्राइवेट लिमिटेड|लिमिटेड|จำกัด|จำกัด มหาชน|JV
"""
#: Before a name.
_BEFORE = """
    PT|P.T.|CV|OOO|OAO|ZAO|PAO|AO|JSC|LLC|ООО|ОАО|ЗАО|ПАО|АО|ТОВ|ПрАТ|UAB|SIA|Công ty TNHH|Công ty Cổ phần|Công ty|
    شركة|บริษัท|PJSC|Société Anonyme|Firma
"""
#: At either end of names that are written without spaces.
_UNSPACED = """
    股份有限公司|有限责任公司|有限責任公司|有限公司|股份公司|公司|株式会社|(株)|有限会社|(有)|合同会社|合資会社|合名会社|주식회사|(주)|㈜|㈱|
    유한회사|유한책임회사
"""


def _read(text: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(words_of(" ".join(one.split())).split()) for one in text.split("|"))


BEHIND, BEFORE = _read(_BEHIND), _read(_BEFORE)
UNSPACED = sorted((words for found in _read(_UNSPACED) for words in found), key=len, reverse=True)
#: The first letter of scripts that are written without spaces: those of East Asia, Hangul taken apart among them.
UNSPACED_FROM = "\u1100"
LONGEST = max(map(len, BEHIND | BEFORE))


def without_legal_forms(name: str) -> str:
    """The words of a name in lower case, without accents, punctuation and the legal forms at its ends.

    A name of nothing else keeps its last.
    """
    words = words_of(name).split()
    while (less := _less(words)) != words:
        words = less
    return " ".join(words)


def _less(words: list[str]) -> list[str]:
    """The words without one legal form, if that leaves some."""
    for length in range(min(LONGEST, len(words) - 1), 0, -1):
        if tuple(words[-length:]) in BEHIND:
            return words[:-length]
        if tuple(words[:length]) in BEFORE:
            return words[length:]
    if words and max(words[0][0], words[-1][-1]) >= UNSPACED_FROM:
        for form in UNSPACED:
            if words == [form]:
                break  # it is the name
            if words[-1].endswith(form):
                return [*words[:-1], *filter(None, [words[-1].removesuffix(form)])]
            if words[0].startswith(form):
                return [*filter(None, [words[0].removeprefix(form)]), *words[1:]]
    if len(words) > 1 and words[-1] == "and":  # of GmbH & Co. KG
        return words[:-1]
    return words
