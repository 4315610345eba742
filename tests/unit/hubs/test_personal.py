import pytest

from hubs.contract.personal import EMAIL_MASK, PHONE_MASK, contacts_in, masked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to first.last+tag@sample.example today.", [f"Write to {EMAIL_MASK} today."]),
        ("Ring 020 7946 0018 or +44 20 7946 0018.", [f"Ring {PHONE_MASK} or {PHONE_MASK}."]),
        ("[mail](mailto:a.b@sample.example)", [f"[mail](mailto:{EMAIL_MASK})"]),
    ],
)
def test_contact_details_are_masked(text: str, expected: list[str]) -> None:
    assert masked(text) == expected[0]
    assert contacts_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "ISO 8601-1:2019 was published on 2019-02-25 at 12:30.",
        "See https://example.org/2016/02079460018/page for it.",
        "Between 2016 2017 2018 2019 there were 34,866 keywords.",
        "The digest is 8a2079460018b and a handle is @sample.",
    ],
)
def test_other_numbers_and_names_are_left_alone(text: str) -> None:
    assert masked(text) == text
    assert contacts_in(text) == []
