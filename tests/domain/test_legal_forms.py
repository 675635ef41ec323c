"""Legal forms of companies, left out of their names."""

import pytest

from domain.legal_forms import without_legal_forms


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("Huawei Technologies Co., Ltd.", "huawei technologies"),
        ("Müller GmbH & Co. KG", "muller"),
        ("Acme S. A.", "acme"),
        ("Grupo Carso, S.A.B. de C.V.", "grupo carso"),
        ("Firma Sp. z o.o.", "firma"),
        ("Türk Telekom A.Ş.", "turk telekom"),
        ("PT Bank Central Asia Tbk", "bank central asia"),
        ("Công ty TNHH ABC", "abc"),
        ("ООО Ромашка", "ромашка"),
        ('Teva בע"מ', "teva"),
        ("บริษัท ปตท จำกัด (มหาชน)", "ปตท"),
        ("百度在线网络技术有限公司", "百度在线网络技术"),
        ("株式会社日立製作所", "日立製作所"),
        # one that is the whole name is the name
        ("Limited", "limited"),
        ("有限公司", "有限公司"),
        ("", ""),
    ],
)
def test_legal_forms_are_no_part_of_a_name(name: str, rest: str) -> None:
    assert without_legal_forms(name) == rest


def test_korean_names_are_without_theirs_too() -> None:
    assert (
        without_legal_forms("(주)삼성전자")
        == without_legal_forms("삼성전자 주식회사")
        == without_legal_forms("삼성전자")
    )
