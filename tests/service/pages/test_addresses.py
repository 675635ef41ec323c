"""All of a page's state is in its address."""

from service.pages.addresses import Address


def test_what_is_empty_is_not_asked() -> None:
    address = Address.of("/dependence", {"buyer": [""], "measure": ["units"], "lang": ["zh"], "from": ["2020-01-01"]})
    assert address.asked == {"measure": ["units"]}
    assert address.shown == {"lang": "zh", "from": "2020-01-01"}


def test_one_parameter_changes_and_all_others_stay() -> None:
    address = Address.of("/dependence", {"exclude": ["assumed", "estimated"], "known_on": ["2023-11-08"]})
    changed = address.href(known_on="2023-10-31", lang="zh")
    assert changed == "/dependence?exclude=assumed&exclude=estimated&known_on=2023-10-31&lang=zh"
    assert address.href(known_on=None, exclude=None) == "/dependence"


def test_the_address_of_the_view_knows_nothing_of_how_it_is_shown() -> None:
    address = Address.of("/", {"buyer": ["baidu & co"], "theme": ["dark"], "vendor": ["huawei"]})
    assert (
        address.api("vendor-dependence", format="csv")
        == "/api/v1/views/vendor-dependence?buyer=baidu+%26+co&format=csv"
    )
