"""The corpus of damaged files, whole; see fuzz.py for more of them."""

import time

import pytest

from tests.videos.damages import DAMAGES
from tests.videos.fuzz import check, extract, make_corpus

COUNT = 300


@pytest.mark.slow
def test_each_damaged_file_ends_in_one_outcome(tmp_path):
    data, names = make_corpus(tmp_path, COUNT, seed=0)
    assert len(names) == COUNT > 8 * len(DAMAGES)
    started = time.monotonic()
    run, records = extract(tmp_path, data)
    check(run, records, names)
    assert time.monotonic() - started < 200
    by_kind = {}
    for record in records:
        kind = record["video_id"][6:].rpartition(".")[0]
        by_kind.setdefault(kind, []).append(record["status"])
    assert set(by_kind["sound"]) == {"ok"}
    for kind in ("text", "jpeg", "nothing", "playlist", "stream_list"):
        assert set(by_kind[kind]) == {"error"}, kind
    # Damage costs what is damaged and not more.
    assert {"ok", "partial"} & set(by_kind["few_flips"])
    assert "partial" in by_kind["flips_in_the_body"]
