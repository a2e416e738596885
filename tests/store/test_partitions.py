from hypothesis import given
from hypothesis import strategies as st

from dfhpc.store.partitions import plan_store


@given(
    st.integers(1, 5000),
    st.integers(1, 300),
    st.one_of(st.none(), st.integers(1, 64)),
)
def test_partitions_cover_each_video_once_and_share_no_shard(videos, frames, size):
    layout = plan_store(videos, frames, size)
    partitions = [layout.partition(i) for i in range(layout.num_partitions)]
    covered = [v for part in partitions for v in range(part.first, part.last)]
    assert covered == list(range(videos))
    starts = [layout.rows(part).start for part in partitions]
    assert all(start % layout.rows_per_partition == 0 for start in starts)
    assert layout.rows(partitions[-1]).stop == layout.num_rows


def test_shards_of_the_published_size():
    layout = plan_store(2000, 7, None)
    assert (layout.rows_per_partition, layout.num_partitions) == (112, 125)
