"""What can go wrong by the user's hand: each is one line on stderr and exit code 2, never a traceback."""


class UserError(Exception):
    """A mistake the user can mend. The message says what is wrong, where, and what to do."""


class ConfigError(UserError):
    """The experiment's JSON, or a value given instead of one in it, cannot be used."""


class DataError(UserError):
    """Notes or their metadata are missing, broken, or do not fit the experiment."""


class CheckpointError(UserError):
    """A run folder or one of its checkpoints is missing, damaged, or of another experiment."""


class TrainingDiverged(UserError):  # noqa: N818 - an outcome of training, not a fault of the program
    """A loss or a gradient is no longer a finite number; the weights were not touched.

    `place` counts, from 0, the steps that were looked at before the one it happened in.
    """

    def __init__(self, message: str, place: int = 0) -> None:
        super().__init__(message)
        self.place = place


class RankLost(UserError):  # noqa: N818 - what happened, not a fault of the program
    """One of the processes that train together has ended or does not answer."""
