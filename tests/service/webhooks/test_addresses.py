"""Where webhooks may be sent: to public addresses, however they are written, and to no others unless they are named."""

from ipaddress import ip_address, ip_network

import pytest

from service.webhooks.addresses import allowed, parsed, plainly_refused

PRIVATE = (
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.8",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.7",
    "224.0.0.1",
    "239.1.2.3",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::10.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808",
    "2001:0:1::1",
    "2001:db8::1",
    "2002:0a00:0001::1",
    "2002:7f00:0001::1",
    "2a00:1450::5efe:10.0.0.1",
    "2a00:1450::200:5efe:192.168.0.1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
)
PUBLIC = (
    "1.1.1.1",
    "8.8.8.8",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:0808:0808::1",
    "2a00:1450::5efe:8.8.8.8",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_nothing_is_sent_to_what_is_not_public(address: str) -> None:
    assert not allowed(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_may_be_told(address: str) -> None:
    assert allowed(ip_address(address))


def test_the_operator_may_name_networks_and_opens_no_others() -> None:
    networks = (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "2002:0a01:0203::1", "fd00::7"):
        assert allowed(ip_address(address), networks), address
    for address in ("10.2.0.1", "::ffff:10.2.0.1", "64:ff9b::a02:1", "127.0.0.1", "fe80::1"):
        assert not allowed(ip_address(address), networks), address


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1/",
        "https://127.1/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://017700000001/",
        "https://2130706433/",
        "https://0xa9fea9fe/",
        "https://169.254.169.254:8443/latest",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://localhost/",
        "https://LOCALHOST:8443/",
        "https://localhost./",
        "https://db.localhost/",
        "https://127.0.0.1./",
    ],
)
def test_addresses_are_seen_through_however_they_are_written(url: str) -> None:
    address = parsed(url)
    assert plainly_refused(address, ())
    assert not plainly_refused(parsed("https://buying.example/"), ())


@pytest.mark.parametrize(
    "url",
    [
        "https://ada@buying.example/",
        "https://ada:secret@buying.example/",
        "https://@buying.example/",
        "https://buying.example/#part",
        "https://buying.example\\@10.0.0.1/",
        "https://buying.example/\x00",
        "https://buying.example/\n",
        "https://buying .example/",
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://buying.example:0/",
        "https://buying.example:65536/",
        "https://buying.example:-1/",
        "https://[::1/",
        "https://\ud800.example/",
        "https:///path",
        "https:buying.example",
        "ftp://buying.example/",
        "//buying.example/",
        "",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(has|is|must be) "):
        parsed(url)
