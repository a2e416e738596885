"""dfhpc takes a folder of videos to a verdict: which of them are deepfakes."""

__version__ = "0.1.0"
