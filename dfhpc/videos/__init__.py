"""Videos: the manifest, the layouts of data sets, sampling and decoding."""
