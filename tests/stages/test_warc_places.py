"""Damaged and odd archives of other projects: every record that can be reached is delivered, each damage is one row.

`golden/warc_places.json` holds the places of all whole response records as warc_brute_force.py finds them; that
file names the command that renews it.
"""

import json
from pathlib import Path

import pytest
from warc_brute_force import archives, responses
from warc_files import rows

from stages.base import InputFile
from stages.warc.source import WarcSource

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "warc_places.json").read_text())

#: Offset, ordinal and length of each damage (bytes of the file, or of a member's content), read by eye.
DAMAGES = {
    "corrupt_middle_member.warc.gz": [(61159, 0, {"bytes": 11919})],
    "truncated.warc.gz": [(61159, 0, {"bytes": 5959})],
    # Three ARC records in one member, the first without a date, the others shorter than they say.
    "aut__badexample.arc.gz": [
        (0, 3, {"inflated_bytes": 237}),
        (0, 4, {"inflated_bytes": 276}),
        (0, 5, {"inflated_bytes": 269}),
    ],
    "chatnoir-resiliparse__clipped.warc.gz": [(0, 0, {"bytes": 18184})],
    "pywb__example.warc": [(4764, 0, {"bytes": 7})],
    "warcio__bad.arc": [(61, 0, {"bytes": 73})],
    "warcio__example-space-in-url.arc": [(151, 0, {"bytes": 1722})],
    "warcio__example-trunc.warc": [(2560, 0, {"bytes": 6})],
}


def is_damage(row: dict) -> bool:
    return (row.get("error") or "").startswith("damaged: ")


def split_rows(path: Path) -> tuple[list[dict], list[dict]]:
    found = rows(WarcSource(), path)
    return [row for row in found if not is_damage(row)], [row for row in found if is_damage(row)]


@pytest.mark.parametrize("name", GOLDEN)
def test_the_rows_are_the_records_that_brute_force_finds_and_the_damages(shared_data, name):
    path = next(path for path in archives(shared_data) if path.name == name)
    delivered, damages = split_rows(path)
    assert [row["offset"] for row in delivered] == GOLDEN[name]
    assert [(row["offset"], row["ordinal"], json.loads(row["values"])) for row in damages] == DAMAGES.get(name, [])
    size = path.stat().st_size
    sevenths = WarcSource().splits(InputFile(name, path, size), max(1, size // 7))
    assert rows(WarcSource(), path, sevenths) == rows(WarcSource(), path)


def test_the_recorded_places_are_what_brute_force_finds(shared_data):
    assert {path.name: responses(path) for path in archives(shared_data)} == GOLDEN


def test_no_record_that_warcio_reaches_is_missing(shared_data):
    folder = shared_data / "thirdparty_warc"
    for line in (folder / "MANIFEST.jsonl").read_text().splitlines():
        entry = json.loads(line)
        delivered, damages = split_rows(folder / entry["file"])
        cut_records = [row for row in damages if "bytes before its" in row["error"] or "cut off" in row["error"]]
        found, reached = len(delivered) + len(cut_records), entry["warcio_records"].get("response", 0)
        assert found == reached if entry["warcio_error"] is None else found >= reached, entry["file"]
