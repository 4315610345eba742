"""What is read of a release, wherever it lies and however old it is."""

import json
import shutil
from pathlib import Path

import pytest

from pipelines.gap.release import UnusableRelease, read_release
from tests.builders import INSTRUMENT
from tests.gaps import DESCRIBED, OLDER, a_record, a_release, a_row

KEY = ("2026-Q3", INSTRUMENT, "decision_maker", "legal", "sector_size_band")


def test_only_the_groups_of_the_organisation_are_read(tmp_path: Path) -> None:
    rows = [a_row("legal"), a_row("legal", size_band="under_50"), a_row("legal", "sector", sector="health")]
    release = read_release(a_release(tmp_path / "release", rows), DESCRIBED)
    (cell,) = release.cells.values()
    assert list(release.cells) == [KEY]
    assert (cell.n, cell.median, cell.q1, cell.q3) == (45, 3, 2, 4)
    assert cell.at_or_above == {1: 0.95, 2: 0.8, 3: 0.6, 4: 0.3, 5: 0.1}
    assert cell.terms == {"sector": "local_government", "size_band": "50_to_249"}


def test_figures_that_a_release_does_not_have_are_unknown(tmp_path: Path) -> None:
    cell = read_release(a_release(tmp_path / "release", [a_row("legal")], columns=OLDER), DESCRIBED).cells[KEY]
    assert (cell.n, cell.median, cell.q1, cell.at_or_above[3]) == (45, 3, None, None)
    assert "q1" not in cell.columns


def test_a_folder_a_public_folder_and_zips_are_the_same_release(tmp_path: Path) -> None:
    folder = a_release(tmp_path / "public/releases/2026-11-23.01", records=[a_record()])
    (tmp_path / "public/latest.json").write_text(json.dumps({"release": "2026-11-23.01"}))
    zips = [
        shutil.make_archive(str(tmp_path / "plain"), "zip", folder),
        shutil.make_archive(str(tmp_path / "inside"), "zip", folder.parent, folder.name),
        shutil.make_archive(str(tmp_path / "public"), "zip", tmp_path / "public"),
    ]
    read = [read_release(Path(path), DESCRIBED) for path in (folder, tmp_path / "public", *zips)]
    assert [release.folder for release in read] == [folder, folder, None, None, None]
    assert all(
        (release.id, release.cells, release.records) == (read[0].id, read[0].cells, read[0].records) for release in read
    )


def test_what_is_no_release_is_named(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no zip")
    (tmp_path / "empty").mkdir()
    damaged = a_release(tmp_path / "damaged")
    (damaged / "packs/national/records.jsonl").write_text("{")
    lacking = a_release(tmp_path / "lacking")
    (lacking / "benchmarks/benchmarks.csv").unlink()
    for name, complaint in (
        ("nowhere", "there is no such folder or zip"),
        ("text", "no zip that can be read"),
        ("empty", "no release here"),
        ("damaged", "damaged, or of another version"),
        ("lacking", "benchmarks/benchmarks.csv is missing"),
    ):
        with pytest.raises(UnusableRelease, match=complaint):
            read_release(tmp_path / name, DESCRIBED)
