"""What an address says, and which machines a name may lead to."""

import socket

import pytest

from pipelines.pull.base import PullFailed, Unreachable
from pipelines.pull.guard import Place, ask_system, check, place, resolve


def code_of(address: str) -> str:
    with pytest.raises(PullFailed) as refusal:
        place(address)
    return refusal.value.code


def test_an_address_is_taken_apart_once() -> None:
    assert place("HTTPS://Hub.Example/a b/ü.csv?q=ä b#part") == Place(
        "https", "hub.example", 443, "/a%20b/%C3%BC.csv?q=%C3%A4%20b"
    )
    assert place("http://hub.example").target == "/"
    assert place("http://hub.example/100%25/%2e%2e/x").target == "/100%25/%2e%2e/x"
    assert place("http://hub.example:8080/").host_header == "hub.example:8080"
    assert place("http://hub.example:80/").host_header == "hub.example"
    assert place("http://[::1]:8080/").host_header == "[::1]:8080"
    assert place("https://bücher.example/").host == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    "address",
    [
        "ftp://hub.example/x",
        "file:///etc/passwd",
        "gopher://hub.example",
        "javascript:alert(1)",
        "//hub.example/x",
        "x",
    ],
)
def test_no_other_scheme_is_spoken(address) -> None:
    assert code_of(address) == "forbidden_address"


@pytest.mark.parametrize(
    "address",
    [
        "http://me@hub.example/",
        "http://me:secret@hub.example/",
        "http://hub.example:99999/",
        "http://hub.example:port/",
        "http:///x",
        "http://[::1/",
        "http://[hub]/",
        "http://hub.example\\@10.0.0.1/",
        "http://hub.example\r\nX-More: 1/",
        "http://hub\t.example/",
        "http://hub%2eexample/",
        "http://[fe80::1%25eth0]/",
        "http://\u2100/",  # one character that becomes a/c when names are compared
        "http://hub.example/\x00",
        pytest.param(f"http://hub.example/{'x' * 8_000}", id="longer than servers take"),
    ],
)
def test_what_can_be_read_in_two_ways_is_no_address(address) -> None:
    assert code_of(address) == "address_refused"


PRIVATE = [
    *("127.0.0.1", "127.255.255.254", "10.1.2.3", "172.16.0.1", "172.31.0.1", "192.168.0.1", "100.64.0.1"),
    *("::1", "fd12::1", "fc00::1", "fec0::1", "192.0.2.1", "198.18.0.1", "2001:db8::1"),
    *("::ffff:10.0.0.1", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1"),
]
FORBIDDEN = [
    *("169.254.169.254", "169.254.0.1", "168.63.129.16", "100.100.100.200", "192.0.0.192"),
    *("0.0.0.0", "0.1.2.3", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::", "fe80::1", "ff02::1", "fd00:ec2::254", "fd20:ce::254", "2001:0:a00:1::"),
    *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "::ffff:0.0.0.0"),
]


@pytest.mark.parametrize("number", [*PRIVATE, *FORBIDDEN])
def test_numbers_that_no_name_may_lead_to(number) -> None:
    with pytest.raises(PullFailed) as refusal:
        check(number, "hub.example", None)
    assert refusal.value.code == "forbidden_address"
    assert number not in str(refusal.value)


@pytest.mark.parametrize("number", PRIVATE)
def test_a_private_number_is_for_the_host_with_leave_and_no_other(number) -> None:
    check(number, "hub.example", "Hub.example")
    with pytest.raises(PullFailed):
        check(number, "www.hub.example", "hub.example")


@pytest.mark.parametrize("number", FORBIDDEN)
def test_no_leave_goes_as_far_as_the_clouds_own_services(number) -> None:
    with pytest.raises(PullFailed):
        check(number, "hub.example", "hub.example")


@pytest.mark.parametrize("number", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_numbers_need_no_leave(number) -> None:
    check(number, "hub.example", None)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "localhost"]
)
def test_this_machine_is_known_by_whatever_the_system_makes_of_its_name(host) -> None:
    with pytest.raises(PullFailed) as refusal:
        resolve(ask_system, place(f"http://{host}/").host, 80, None)
    assert (refusal.value.code, "private" in refusal.value.detail) == ("forbidden_address", True)


def test_one_bad_number_among_good_ones_refuses_the_name() -> None:
    for numbers in (["93.184.216.34", "10.0.0.1"], ["10.0.0.1", "93.184.216.34"]):
        with pytest.raises(PullFailed) as refusal:
            resolve(lambda _host, _port, found=numbers: found, "hub.example", 80, None)
        assert refusal.value.code == "forbidden_address"


@pytest.mark.parametrize(
    ("error", "may_pass"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "later"), True),
        (socket.gaierror(socket.EAI_NONAME, "no"), False),
        (UnicodeError("label too long"), False),
        (None, False),
    ],
)
def test_a_name_that_leads_nowhere(error, may_pass) -> None:
    def resolver(_host: str, _port: int) -> list[str]:
        if error is None:
            return []
        raise error

    with pytest.raises(PullFailed) as refusal:
        resolve(resolver, "hub.example", 80, None)
    assert refusal.value.code == "unreachable_feed"
    assert isinstance(refusal.value, Unreachable) is may_pass
