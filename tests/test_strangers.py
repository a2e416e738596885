"""Who is known to a run's models, whatever the other run calls them."""

import pytest

from dfhpc.strangers import VideoSet, names_tell, sort_out
from dfhpc.videos.manifest import Video


def ffpp(target, source="", folder="/data", group=None, method="Deepfakes"):
    name = f"{target}_{source}" if source else target
    half = "manipulated" if source else "original"
    method = method if source else "youtube"
    video_id = f"{half}_sequences/{method}/c23/videos/{name}.mp4"
    group = group or f"ffpp-{min(target, source or target)}"
    return Video(video_id, f"{folder}/{video_id}", bool(source), group, method)


OWN = [
    ffpp("000", "003"),
    ffpp("003", group="ffpp-000"),
    ffpp("010"),
    ffpp("020"),
    ffpp("030"),
]
SEEN = [OWN[0].video_id, OWN[1].video_id]
TESTED = [OWN[2].video_id]


def standing_of(video, *others, own=OWN, seen=SEEN, tested=TESTED, data="/elsewhere"):
    """Return how ``video`` stands in a run that has ``others`` too."""
    other = VideoSet([video, *others], data)
    return sort_out(VideoSet(own, "/data"), seen, tested, other)[0]


@pytest.mark.parametrize(
    ("video", "expected"),
    [
        # The same names in a copy elsewhere, and in other methods and groups.
        (ffpp("003", folder="/copy"), "seen"),
        (ffpp("003", group="ffpp-003", folder="/copy"), "seen"),
        (ffpp("000", "003", method="FaceSwap"), "seen"),
        (ffpp("003", "000", method="FaceSwap"), "seen"),
        (ffpp("010", "011"), "tested"),
        (ffpp("020"), "unused"),
        (ffpp("777", "778"), "stranger"),
    ],
)
def test_ffpp_names_mean_the_same_in_every_copy(video, expected):
    assert standing_of(video) == expected


def test_a_link_that_only_the_other_run_knows_counts():
    far = ffpp("500", group="ffpp-000", folder="/copy")
    assert standing_of(far) == "seen"
    # 010 is tested and 003 trains: the other run has a fake of both.
    link = ffpp("003", "010", group="ffpp-003", folder="/copy")
    assert standing_of(ffpp("010", folder="/copy"), link) == "seen"


def test_actors_are_not_sequences():
    actor = Video(
        "a/actors/c23/videos/03__walk.mp4", "/a", 0, "ffpp-actor-03", "actors"
    )
    own = [ffpp("03"), ffpp("04")]
    seen = [own[0].video_id]
    assert standing_of(actor, own=own, seen=seen, tested=[]) == "stranger"


def test_celebdf_and_dfdc_names():
    def celeb(name, group):
        return Video(f"Celeb-synthesis/{name}.mp4", f"/x/{name}", 1, group)

    own = [celeb("id0_id1_0000", "celebdf-id0"), celeb("id5_0001", "celebdf-id5")]
    known = {"own": own, "seen": [own[0].video_id], "tested": [own[1].video_id]}
    assert standing_of(celeb("id1_0007", "celebdf-id1"), **known) == "seen"
    assert standing_of(celeb("id5_0002", "celebdf-id5"), **known) == "tested"
    assert standing_of(celeb("id9_0002", "celebdf-id9"), **known) == "stranger"
    fake = Video("p/b.mp4", "/p/b.mp4", 1, "dfdc-a.mp4")
    real = Video("q/a.mp4", "/q/a.mp4", 0, "dfdc-q/a.mp4")
    assert standing_of(real, own=[fake], seen=["p/b.mp4"], tested=[]) == "seen"


def test_paths_below_folders_mean_the_same_in_that_folder_only():
    own = [Video("real/1.mp4", "/data/real/1.mp4", 0, "real/1.mp4")]
    known = {"own": own, "seen": ["real/1.mp4"], "tested": []}
    there = Video("real/1.mp4", "/copy/real/1.mp4", 0, "real/1.mp4")
    assert standing_of(there, **known) == "stranger"
    assert standing_of(there, **known, data="/data") == "seen"
    assert not names_tell(own)


def test_groups_of_tables_mean_the_same_in_all_tables():
    own = [Video("a.mp4", "/t/a.mp4", 0, "person7")]
    other = Video("z.mp4", "/u/z.mp4", 1, "person7")
    assert standing_of(other, own=own, seen=["a.mp4"], tested=[]) == "seen"
    assert names_tell(own)


def test_a_copy_of_a_file_is_known_by_its_content(tmp_path):
    def video(folder, name, content):
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return Video(f"{folder}/{name}", str(path), 0, f"{folder}/{name}", bytes=4)

    own = [video("one", "a.mp4", b"abcd"), video("one", "b.mp4", b"bbbb")]
    known = {"own": own, "seen": [own[0].video_id], "tested": [own[1].video_id]}
    assert standing_of(video("two", "x.mp4", b"abcd"), **known) == "seen"
    assert standing_of(video("two", "y.mp4", b"bbbb"), **known) == "tested"
    assert standing_of(video("two", "z.mp4", b"cccc"), **known) == "stranger"


def test_a_linked_folder_is_the_same_folder(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.mp4").write_bytes(b"a")
    (tmp_path / "link").symlink_to(tmp_path / "data")
    own = [Video("a.mp4", str(tmp_path / "data" / "a.mp4"), 0, "a.mp4", bytes=1)]
    other = Video("b.mp4", str(tmp_path / "link" / "a.mp4"), 0, "b.mp4", bytes=1)
    assert standing_of(other, own=own, seen=["a.mp4"], tested=[]) == "seen"
