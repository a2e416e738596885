"""The store: faces as rows of a Zarr group, and the partitions that write it."""
