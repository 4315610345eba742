"""Zips that lie about themselves."""

import io
import struct
import tracemalloc
import zipfile
import zlib

import pytest

from pipelines.pull import archive
from pipelines.pull.base import MAX_FILES, PullFailed

_LOCAL, _CENTRAL, _END = "<4s5H3I2H", "<4s6H3I5H2I", "<4s4H2IH"


def read(data: bytes) -> dict[str, bytes]:
    """All that a door takes from the zip."""
    file = io.BytesIO(data)
    assert archive.is_archive(file)
    return {name: stream.read() for name, stream in archive.files(file)}


def refusal(data: bytes) -> tuple[str, str]:
    with pytest.raises(PullFailed) as refused:
        read(data)
    return refused.value.code, refused.value.detail


def a_zip(content: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytearray:
    """One file, ``a.md``."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as packed:
        packed.writestr("a.md", content)
    return bytearray(data.getvalue())


def central(data: bytearray) -> int:
    return data.index(b"PK\x01\x02")


def a_list(count: int) -> bytes:
    """A zip that is nothing but a list of so many empty files."""
    entry = struct.pack(_CENTRAL, b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    at = count * len(entry)
    end = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, at, 0)
    end += struct.pack("<4sIQI", b"PK\x06\x07", 0, at, 1)
    return entry * count + end + struct.pack(_END, b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)


def overlapping(count: int, body: bytes) -> bytes:
    """The same packed bytes as so many files: each header hides those that follow in a field that nobody reads."""
    packer = zlib.compressobj(wbits=-15)
    packed, crc = packer.compress(body) + packer.flush(), zlib.crc32(body)
    heads, listed = b"", b""
    for number in range(count):
        name, hidden = b"%03d.md" % number, (count - 1 - number) * (30 + 6 + 4)
        about = (20, 0, 8, 0, 0, crc, len(packed), len(body), len(name))
        listed += struct.pack(_CENTRAL, b"PK\x01\x02", 20, *about, 0, 0, 0, 0, 0, len(heads)) + name
        heads += struct.pack(_LOCAL, b"PK\x03\x04", *about, hidden + 4) + name + struct.pack("<HH", 0x9999, hidden)
    at = len(heads) + len(packed)
    return heads + packed + listed + struct.pack(_END, b"PK\x05\x06", 0, 0, count, count, len(listed), at, 0)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_unpacks_without_measure_is_not_opened(method) -> None:
    code, detail = refusal(a_zip(b"# A\n", method))
    assert (code, "use deflate" in detail) == ("not_a_feed", True)


def test_a_file_never_unpacks_to_more_than_it_says() -> None:
    data = a_zip(bytes(1 << 16))
    struct.pack_into("<I", data, central(data) + 24, 100)
    assert refusal(data)[0] == "not_a_feed"
    struct.pack_into("<I", data, central(data) + 16, zlib.crc32(bytes(100)))
    assert read(data) == {"a.md": bytes(100)}


def test_a_file_that_begins_beyond_every_disk_is_damage() -> None:
    data = a_zip(b"# A\n")
    at = central(data)
    extra = struct.pack("<HHQ", 1, 8, 2**63)
    data[at + 42 : at + 46] = b"\xff" * 4
    struct.pack_into("<H", data, at + 30, len(extra))
    data[at + 50 : at + 50] = extra
    end = data.rindex(b"PK\x05\x06")
    struct.pack_into("<I", data, end + 12, 50 + len(extra))
    assert refusal(data)[0] == "not_a_feed"
    with zipfile.ZipFile(io.BytesIO(data)) as opened, pytest.raises(archive.DAMAGE):
        opened.open("a.md")


def test_a_long_list_of_files_is_not_read() -> None:
    assert refusal(a_list(2 * MAX_FILES + 1)) == ("too_large", "the zip lists more than 100,000 files and folders")


def test_a_list_of_files_that_is_longer_than_memory_should_hold_is_not_read() -> None:
    data = bytes(65 << 20) + struct.pack(_END, b"PK\x05\x06", 0, 0, 1, 1, 65 << 20, 0, 0)
    source = io.BytesIO(data)
    tracemalloc.start()
    try:
        with pytest.raises(PullFailed) as refused:
            archive.is_archive(source)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert refused.value.code == "too_large"


def test_folders_do_not_count_as_files() -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as packed:
        packed.mkdir("a")
        packed.writestr("a/b.md", "# B\n")
    assert read(data.getvalue()) == {"b.md": b"# B\n"}


def test_files_that_share_their_bytes_are_refused() -> None:
    data = overlapping(80, bytes(100_000))
    with zipfile.ZipFile(io.BytesIO(data)) as opened:  # nothing else is wrong with it
        assert len(opened.namelist()) == 80
    assert refusal(data) == ("not_a_feed", "files lie over one another in the zip")


def test_many_small_files_are_a_bomb_too() -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as packed:
        for number in range(20):
            packed.writestr(f"{number}.md", bytes(1 << 20))
    assert refusal(data.getvalue()) == ("too_large", "the zip unpacks to over 200 times its size")
