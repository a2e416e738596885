"""What the commands say when they refuse."""


class RefusedError(Exception):
    """A request that LSF would refuse; the text is LSF's, without its last sentence."""
