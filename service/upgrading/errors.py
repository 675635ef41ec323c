"""Why data is not carried over; each message is a sentence for a person at a terminal."""


class UpgradeRefused(Exception):
    """Nothing was begun: the home is in use, space is short, or what there is cannot be carried over."""


class UpgradeFailed(Exception):
    """A step failed; the message names it, and the home has the data that it had before."""


class NotTheSame(Exception):
    """What was carried over is not what was there before, or does not verify."""
