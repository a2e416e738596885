import json
import os

import pytest

from dfhpc.config import DataConfig
from dfhpc.errors import DataLayoutError
from dfhpc.videos.layouts import detect_layout, read_videos


def _touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def _read(root, **data):
    _, videos = read_videos(DataConfig(path=root, **data))
    return {video.video_id: video for video in videos}


def _real(name, compression="c23"):
    return f"original_sequences/youtube/{compression}/videos/{name}.mp4"


def _fake(name, method="Deepfakes", compression="c23"):
    return f"manipulated_sequences/{method}/{compression}/videos/{name}.mp4"


class TestFfpp:
    def test_labels_methods_and_groups_by_pairs(self, tmp_path):
        _touch(tmp_path, _real("000"), _real("003"), _real("010"))
        _touch(tmp_path, _fake("000_003"), _fake("003_000", "FaceShifter"))
        videos = _read(tmp_path)
        assert detect_layout(tmp_path) == "ffpp"
        assert len({videos[_real(n)].group_id for n in ("000", "003")}) == 1
        assert videos[_fake("000_003")].group_id == videos[_real("003")].group_id
        assert videos[_real("010")].group_id != videos[_real("000")].group_id
        assert [videos[n].label for n in (_real("000"), _fake("000_003"))] == [0, 1]
        assert videos[_fake("003_000", "FaceShifter")].method == "FaceShifter"

    def test_equal_names_of_methods_do_not_collide(self, tmp_path):
        methods = (
            "Deepfakes",
            "Face2Face",
            "FaceSwap",
            "NeuralTextures",
            "FaceShifter",
        )
        _touch(tmp_path, *(_fake("000_003", method) for method in methods))
        assert len(_read(tmp_path)) == 5

    def test_one_upload_is_one_group(self, tmp_path):
        _touch(tmp_path, _real("001"), _real("002"), _real("003"))
        uploads = {
            "001": "abcdefghijk 0",
            "002": "abcdefghijk 1",
            "003": "zzzzzzzzzzz 0",
        }
        (tmp_path / "conversion_dict.json").write_text(json.dumps(uploads))
        videos = _read(tmp_path)
        assert videos[_real("001")].group_id == videos[_real("002")].group_id
        assert videos[_real("001")].group_id != videos[_real("003")].group_id

    def test_actors_are_no_sequences_and_scenes_are_cut_off(self, tmp_path):
        actor = "original_sequences/actors/raw/videos/01__kitchen_pan.mp4"
        other = "original_sequences/actors/raw/videos/02__kitchen_pan.mp4"
        forged = _fake("01_02__kitchen_pan__ABC", "DeepFakeDetection", "raw")
        _touch(tmp_path, actor, other, forged, _real("01", "raw"))
        videos = _read(tmp_path)
        people = {videos[name].group_id for name in (actor, other, forged)}
        assert len(people) == 1
        assert videos[_real("01", "raw")].group_id not in people

    def test_compression_and_methods_filter_but_do_not_change_groups(self, tmp_path):
        _touch(tmp_path, _real("000", "raw"), _real("000", "c0"), _real("003", "c40"))
        _touch(
            tmp_path, _fake("000_003", "FaceSwap", "c0"), _fake("000_003", "Deepfakes")
        )
        raw = _read(tmp_path, compression="raw")
        assert set(raw) == {
            _real("000", "raw"), _real("000", "c0"), _fake("000_003", "FaceSwap", "c0"),
        }  # fmt: skip
        only = _read(tmp_path, methods=["Deepfakes"])
        assert _fake("000_003", "FaceSwap", "c0") not in only
        assert len({video.group_id for video in only.values()}) == 1

    def test_unknown_method_is_refused(self, tmp_path):
        _touch(tmp_path, _fake("000_003", "Deepfake"))
        with pytest.raises(DataLayoutError, match="known are Deepfakes"):
            _read(tmp_path)

    def test_unknown_methods_are_refused(self, tmp_path):
        _touch(tmp_path, _real("000"))
        with pytest.raises(DataLayoutError, match="Nope is no method"):
            _read(tmp_path, methods=["Nope"])

    def test_damaged_conversion_dict_is_refused(self, tmp_path):
        _touch(tmp_path, _real("000"))
        (tmp_path / "conversion_dict.json").write_text("[1]")
        with pytest.raises(DataLayoutError, match="conversion_dict"):
            _read(tmp_path)

    def test_real_sample(self, data_dir):
        videos = _read(data_dir / "ffpp").values()
        assert [sum(v.label == label for v in videos) for label in (0, 1)] == [6, 24]
        groups = {}
        for video in videos:
            groups.setdefault(video.group_id, set()).update(
                video.video_id.rsplit("/", 1)[1][:-4].split("_")
            )
        found = sorted(sorted(people) for people in groups.values())
        assert found == [["183", "253"], ["469", "481"], ["585", "599"]]


class TestDfdc:
    def test_fakes_join_their_original_even_when_it_is_absent(self, tmp_path):
        for part in ("part_0", "part_1"):
            _touch(tmp_path, f"{part}/a{part}.mp4", f"{part}/b{part}.mp4")
            entry = {"label": "FAKE", "split": "train", "original": "gone.mp4"}
            table = {f"a{part}.mp4": entry, f"b{part}.mp4": {"label": "REAL"}}
            (tmp_path / part / "metadata.json").write_text(json.dumps(table))
        videos = _read(tmp_path)
        assert detect_layout(tmp_path) == "dfdc"
        one, two = videos["part_0/apart_0.mp4"], videos["part_1/apart_1.mp4"]
        assert one.group_id == two.group_id
        assert one.group_id != videos["part_0/bpart_0.mp4"].group_id
        assert (one.label, one.split) == (1, "train")
        assert videos["part_0/bpart_0.mp4"].label == 0

    def test_present_original_shares_the_group(self, tmp_path):
        _touch(tmp_path, "f.mp4", "o.mp4", "unlisted.mp4")
        table = {
            "f.mp4": {"label": "FAKE", "original": "o.mp4"},
            "o.mp4": {"label": "REAL"},
        }
        (tmp_path / "metadata.json").write_text(json.dumps(table))
        videos = _read(tmp_path)
        assert videos["f.mp4"].group_id == videos["o.mp4"].group_id
        assert videos["unlisted.mp4"].label == -1

    @pytest.mark.parametrize("text", ["{", "[]", '{"f.mp4": 1}'])
    def test_damaged_metadata_is_refused(self, tmp_path, text):
        _touch(tmp_path, "f.mp4")
        (tmp_path / "metadata.json").write_text(text)
        with pytest.raises(DataLayoutError, match=r"metadata\.json"):
            _read(tmp_path)

    def test_unknown_label_is_refused(self, tmp_path):
        _touch(tmp_path, "f.mp4")
        (tmp_path / "metadata.json").write_text('{"f.mp4": {"label": "MAYBE"}}')
        with pytest.raises(DataLayoutError, match="neither REAL nor FAKE"):
            _read(tmp_path)

    def test_real_sample(self, data_dir):
        videos = _read(data_dir / "dfdc")
        assert {video.label for video in videos.values()} == {1}
        assert len(videos) == 2


class TestCelebDf:
    NAMES = (
        "Celeb-real/id0_0000.mp4",
        "Celeb-real/id1_0000.mp4",
        "Celeb-real/id2_0000.mp4",
        "YouTube-real/00000.mp4",
        "Celeb-synthesis/id0_id1_0000.mp4",
    )

    def test_people_are_groups(self, tmp_path):
        _touch(tmp_path, *self.NAMES)
        videos = _read(tmp_path)
        assert detect_layout(tmp_path) == "celebdf"
        assert videos[self.NAMES[0]].group_id == videos[self.NAMES[4]].group_id
        assert videos[self.NAMES[0]].group_id == videos[self.NAMES[1]].group_id
        assert len({video.group_id for video in videos.values()}) == 3

    def test_list_file_says_one_for_real(self, tmp_path):
        _touch(tmp_path, *self.NAMES)
        listing = f"1 {self.NAMES[3]}\n0 {self.NAMES[4]}\n"
        (tmp_path / "List_of_testing_videos.txt").write_text(listing)
        videos = _read(tmp_path)
        splits = {name: videos[name].split for name in self.NAMES}
        assert [name for name, split in splits.items() if split == "test"] == [
            self.NAMES[3],
            self.NAMES[4],
        ]
        assert (videos[self.NAMES[3]].label, videos[self.NAMES[4]].label) == (0, 1)

    def test_a_list_with_labels_the_other_way_round_is_refused(self, tmp_path):
        _touch(tmp_path, *self.NAMES)
        (tmp_path / "List_of_testing_videos.txt").write_text(f"0 {self.NAMES[3]}\n")
        with pytest.raises(DataLayoutError, match="1 means REAL"):
            _read(tmp_path)


class TestFolders:
    def test_labels_by_nearest_folder_and_unlabelled_beside(self, tmp_path):
        names = ("real/a.mp4", "x/FAKE/y/a.mp4", "a.mp4", "real/fake/a b ü.MOV")
        _touch(tmp_path, *names)
        _touch(tmp_path, "real/notes.txt", ".hidden/a.mp4", "real/._a.mp4")
        videos = _read(tmp_path)
        assert {name: videos[name].label for name in names} == {
            "real/a.mp4": 0,
            "x/FAKE/y/a.mp4": 1,
            "a.mp4": -1,
            "real/fake/a b ü.MOV": 1,
        }
        assert len(videos) == len(names)

    def test_links_are_followed_and_loops_end(self, tmp_path):
        _touch(tmp_path, "elsewhere/real/a.mp4")
        root = tmp_path / "data"
        root.mkdir()
        os.symlink(tmp_path / "elsewhere", root / "linked")
        os.symlink(root, root / "loop")
        assert set(_read(root)) == {"linked/real/a.mp4"}

    def test_empty_and_absent_folders_are_refused(self, tmp_path):
        with pytest.raises(DataLayoutError, match="no video"):
            _read(tmp_path)
        with pytest.raises(DataLayoutError, match="does not exist"):
            _read(tmp_path / "absent")


class TestTable:
    def _table(self, tmp_path, text):
        path = tmp_path / "table.csv"
        path.write_text(text, encoding="utf-8")
        return path

    def test_blanks_around_values_do_no_harm_and_names_with_blanks_are_found(
        self, tmp_path
    ):
        _touch(tmp_path, " odd .mp4", "plain.mp4")
        videos = _read(
            self._table(tmp_path, "path, label\n odd .mp4, real\nplain.mp4 , fake\n")
        )
        assert {n: v.label for n, v in videos.items()} == {
            " odd .mp4": 0,
            "plain.mp4": 1,
        }

    def test_columns_and_relative_paths(self, tmp_path):
        _touch(tmp_path, "sub/a.mp4")
        text = (
            "path,label,group,method\nsub/a.mp4,FAKE,anna,x\n/abs/b.mp4,0,,\nc.mp4,,,\n"
        )
        videos = _read(self._table(tmp_path, text))
        one = videos["sub/a.mp4"]
        assert (one.path, one.label, one.group_id, one.bytes) == (
            str(tmp_path / "sub/a.mp4"), 1, "anna", 1,
        )  # fmt: skip
        assert videos["/abs/b.mp4"].group_id == "/abs/b.mp4"
        assert videos["c.mp4"].label == -1

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("file\na.mp4\n", "no column `path`"),
            ("path,label\na.mp4,perhaps\n", "line 2: label 'perhaps'"),
            ("path,label\n,real\n", "line 2: the path is empty"),
            ("path\n", "holds no video"),
            ("path,label,video_id\na.mp4,0,x\na.mp4,1,y\n", "is named twice, as"),
        ],
    )
    def test_wrong_tables_are_refused(self, tmp_path, text, message):
        with pytest.raises(DataLayoutError, match=message):
            _read(self._table(tmp_path, text))

    def test_headers_in_capitals_and_other_encodings(self, tmp_path):
        _, videos = read_videos(
            DataConfig(path=self._table(tmp_path, "Path,LABEL\na.mp4,real\n"))
        )
        assert videos[0].label == 0
        (tmp_path / "wide.csv").write_text("path,label\na.mp4,real\n", "utf-16")
        with pytest.raises(DataLayoutError, match="UTF-8"):
            _read(tmp_path / "wide.csv")

    def test_a_manifest_is_a_table(self, tmp_path, clips):
        from dfhpc.videos.manifest import write_manifest

        _, videos = read_videos(DataConfig(path=clips))
        write_manifest(tmp_path / "manifest.csv", videos)
        layout, again = read_videos(DataConfig(path=tmp_path / "manifest.csv"))
        assert (layout, again) == ("csv", videos)


def test_layout_of_a_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(DataLayoutError, match="reads a CSV file"):
        _read(tmp_path, layout="csv")
