"""What can go wrong with a PostgreSQL server of one's own; each message is a sentence for a person at a terminal."""


class EmbeddedPostgresError(RuntimeError):
    """Base of all errors below, so that a caller can map them to one exit code (database unreachable)."""


class BinariesNotFoundError(EmbeddedPostgresError):
    """No PostgreSQL programs of a version that we support (or that made the data) are on this machine."""


class StartError(EmbeddedPostgresError):
    """The server did not start; the message carries the last lines of its log."""


class HomeInUseError(StartError):
    """Another live process owns the home; `attach` gives the connection string of its server."""


class NotReachableError(EmbeddedPostgresError):
    """The home is owned by another process whose server cannot be reached; the message says why."""
