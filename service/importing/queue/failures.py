"""Why an import failed: for its sender, and for the operator of the service."""

import logging

from domain.errors import Corrupt, Refusal
from service.following.follower import Stopped
from service.importing.plans import RowRefused
from service.importing.queue.contents import FULL
from service.importing.queue.jobs import Job, StoredFault
from service.importing.queue.registry import NoSpace
from service.importing.rows import MOST_FAULTS, BadFile, BadMapping

logger = logging.getLogger(__name__)


class TooMuchToRehearse(Exception):
    """A dry run that would remember too much."""


def explained(error: Exception, job: Job) -> tuple[tuple[StoredFault, ...], str]:
    """What is wrong with the file, and the sentence that says why an import failed."""
    if isinstance(error, BadFile):
        more = f" (the first {MOST_FAULTS} faults are listed)" if len(error.faults) == MOST_FAULTS else ""
        return tuple(StoredFault(fault.line, "", fault.message) for fault in error.faults), f"the file is wrong{more}"
    if isinstance(error, BadMapping):
        faults = tuple(StoredFault(None, "", f"mapping {job.wish.mapping}: {problem}") for problem in error.problems)
        return faults, "the mapping does not go with the file"
    if isinstance(error, RowRefused):
        entry = error.entry
        return (StoredFault(entry.line, entry.row, str(error.refusal)),), f"the ledger refused line {entry.line}"
    if isinstance(error, Refusal | Corrupt | Stopped | TooMuchToRehearse):
        return (), str(error)
    if isinstance(error, OSError) and error.errno in FULL:
        return (), f"the disk is full: {error.strerror}"
    if isinstance(error, NoSpace):
        return (), f"the disk is full: {error}"
    logger.error("incident %s", job.id, exc_info=error)
    return (), f"something broke: incident {job.id}"


def kind_of(error: Exception) -> str:
    """Why an import failed, in words for anybody: nothing of what the file says."""
    if isinstance(error, BadFile | BadMapping):
        return "the file is wrong" if isinstance(error, BadFile) else "the mapping does not go with the file"
    if isinstance(error, RowRefused | Refusal):
        return "the ledger refused what the file says"
    if isinstance(error, NoSpace) or (isinstance(error, OSError) and error.errno in FULL):
        return "the disk is full"
    return "its own record says why"
