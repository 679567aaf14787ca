"""A client's address is what trusted proxies say and nothing that a client writes itself."""

import pytest

from linnet.domain.addresses import UNKNOWN, Proxies, counted_as, parse_proxies, read_address

PROXY, OTHER_PROXY, STRANGER, CLIENT = "10.0.0.1", "10.0.0.2", "203.0.113.9", "198.51.100.7"


def counted(text: str) -> bytes:
    address = read_address(text)
    assert address is not None
    return counted_as(address)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        (STRANGER, [], STRANGER),
        (STRANGER, [CLIENT], STRANGER),
        (STRANGER, [f"{CLIENT}, {PROXY}"], STRANGER),
        (PROXY, [], PROXY),
        (PROXY, [CLIENT], CLIENT),
        (PROXY, [f"1.1.1.1, {CLIENT}"], CLIENT),
        (PROXY, ["1.1.1.1", CLIENT], CLIENT),
        (PROXY, [f"1.1.1.1, {CLIENT}, {OTHER_PROXY}"], CLIENT),
        (PROXY, [f"{CLIENT}, {OTHER_PROXY}", OTHER_PROXY], CLIENT),
        (PROXY, [OTHER_PROXY], OTHER_PROXY),
        (PROXY, [f"{CLIENT}, unknown"], PROXY),
        (PROXY, [f"{CLIENT}, unknown, {OTHER_PROXY}"], OTHER_PROXY),
        (PROXY, [f"{CLIENT}:4711"], CLIENT),
        (PROXY, ["[2001:db8::1]:4711"], "2001:db8::1"),
        (PROXY, ["2001:db8::1"], "2001:db8::1"),
        (PROXY, [f"::ffff:{CLIENT}"], CLIENT),
        (PROXY, [f" {CLIENT} ,"], PROXY),
        (PROXY, ["1.1.1.1, " * 5000 + CLIENT], CLIENT),
        (PROXY, [f"{CLIENT}, " + f"{OTHER_PROXY}, " * 5000 + OTHER_PROXY], OTHER_PROXY),
        (f"::ffff:{PROXY}", [CLIENT], CLIENT),
    ],
)
def test_the_client_is_the_last_that_no_trusted_proxy_is(peer: str, forwarded: list[str], client: str) -> None:
    assert Proxies(["10.0.0.0/8"]).find_client(peer, forwarded) == counted(client)


def test_without_trusted_proxies_the_header_is_not_looked_at() -> None:
    assert Proxies().find_client(STRANGER, [CLIENT]) == counted(STRANGER)
    assert Proxies().find_client("", [CLIENT]) == UNKNOWN


def test_a_peer_without_an_address_is_believed_only_if_it_is_said_so() -> None:
    assert Proxies(["10.0.0.0/8"]).find_client("", [CLIENT]) == UNKNOWN
    assert Proxies(["unix"]).find_client("", [CLIENT]) == counted(CLIENT)
    assert Proxies(["unix"]).find_client("/run/linnet.sock", [CLIENT]) == counted(CLIENT)
    assert Proxies(["unix"]).find_client(STRANGER, [CLIENT]) == counted(STRANGER)
    assert Proxies(["unix"]).find_client("", ["nonsense"]) == UNKNOWN


def test_addresses_of_one_ipv6_network_of_64_bits_are_one() -> None:
    assert counted("2001:db8:1:2::1") == counted("2001:db8:1:2:ffff::9")
    assert counted("2001:db8:1:2::1") != counted("2001:db8:1:3::1")
    assert counted("198.51.100.7") != counted("198.51.100.8")


def test_what_is_counted_never_looks_like_a_user() -> None:
    """Subjects of limits are told apart by their length: a packed id has 8 bytes, a login's digest 16."""
    assert {len(counted(text)) for text in ("1.2.3.4", "::1", "2001:db8::1")} | {len(UNKNOWN)} == {1, 4, 9}


@pytest.mark.parametrize(
    "text", ["", " ", "1.2.3", "1.2.3.4.5", "nobody", "1.2.3.4:5:6", "[::1", "x" * 70_000, "١.1.1.1"]
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert read_address(text) is None or text == "[::1"


def test_proxies_are_addresses_and_networks() -> None:
    assert parse_proxies("") == ()
    assert parse_proxies("10.0.0.1, fd00::/8 unix") == ("10.0.0.1", "fd00::/8", "unix")
    for wrong in ("10.0.0.1/8", "proxy.example", "10.0.0.0/8;fd00::/8"):
        with pytest.raises(ValueError, match="addresses or networks"):
            parse_proxies(wrong)
