"""What a file is that is sent to be imported, by what the request says of it and by how it begins."""

import msgspec
from starlette.requests import Request

from service.importing.formats import FORMATS, PARTIAL
from service.importing.queue.contents import Arrival
from service.importing.queue.jobs import Wish
from service.importing.reading.apart import ReaderNotStarted, judged
from service.importing.reading.messages import ReaderTask
from service.importing.rows import BadFile, BadMapping
from service.web.extracts import invalid_parameter
from service.web.mappings import bad_mapping, full
from service.web.problems import HttpProblem

BY_MAPPING_FIRST = sorted(FORMATS.values(), key=lambda one: not one.mapped)
#: What files of a media type can be; which of them this one is, is found by how it begins.
MEDIA_TYPES: dict[str, tuple[str, ...]] = {
    media_type: tuple(one.name for one in BY_MAPPING_FIRST if media_type in one.media_types)
    for one in BY_MAPPING_FIRST
    for media_type in one.media_types
}
#: These say nothing of what is in a file: curl sends the last one unless it is asked otherwise.
SAYING_NOTHING = (
    "",
    "application/octet-stream",
    "application/gzip",
    "application/x-gzip",
    "text/plain",
    "application/x-www-form-urlencoded",
)


def possible_formats(request: Request, stated: str | None) -> tuple[str, ...]:
    """What the file can be, by what the request says of it; none: anything."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise HttpProblem(
            "unsupported-media-type", f"a file is compressed by gzip or not at all, not by {encoding!r:.80}"
        )
    if stated is not None:
        if stated not in FORMATS:
            raise invalid_parameter("/format", f"there is no format {stated!r:.80}: there are {', '.join(FORMATS)}")
        return (stated,)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in SAYING_NOTHING:
        return ()
    if media_type in MEDIA_TYPES:
        return MEDIA_TYPES[media_type]
    if media_type.startswith("multipart/"):
        detail = "the body is the file itself, not a form: curl --data-binary @FILE does so"
    else:
        detail = f"no file of type {media_type!r:.80} is imported: there are {', '.join(MEDIA_TYPES)}"
    raise HttpProblem("unsupported-media-type", detail)


def judged_wish(arrival: Arrival, wish: Wish, possible: tuple[str, ...], mapping: bytes | None) -> Wish:
    """The wish with the format that the file has; HttpProblem where it has none, or another than it may have."""
    if not arrival.size_bytes:
        raise invalid_parameter("", "the file is empty")
    chosen = possible[0] if len(possible) == 1 else _guessed(arrival, wish, possible, mapping)
    return msgspec.structs.replace(wish, format=chosen)


def _guessed(arrival: Arrival, wish: Wish, possible: tuple[str, ...], mapping: bytes | None) -> str:
    try:
        given = None if wish.mapping is None or mapping is None else (wish.mapping, mapping)
        found = judged(arrival.file, ReaderTask(mapping=given))
    except BadFile as bad:
        faults = [{"line": fault.line, "pointer": "", "detail": fault.message} for fault in bad.faults]
        raise HttpProblem("invalid", f"line {bad.faults[0].line}: {bad.faults[0].message}", faults) from None
    except BadMapping as bad:
        raise bad_mapping(bad, "/mapping") from None
    except ReaderNotStarted as error:
        raise full(error) from None
    if possible and found not in possible:
        detail = f"the file is {found} by how it begins, and by its Content-Type one of {', '.join(possible)}"
        raise HttpProblem("unsupported-media-type", detail)
    return found


def refuse_options(wish: Wish, *, unknown_is_given: bool) -> None:
    """HttpProblem where options do not go with the format."""
    chosen = wish.format
    if unknown_is_given and not FORMATS[chosen].registers:
        raise invalid_parameter("/unknown", f"is for screening lists, and the file is of format {chosen}")
    if wish.lenient and not FORMATS[chosen].lenient:
        raise invalid_parameter("/lenient", f"is for open contracting data, and the file is of format {chosen}")
    if wish.mapping is not None and not FORMATS[chosen].takes_mapping:
        raise invalid_parameter("/mapping", f"is for tables of order lines, and the file is of format {chosen}")
    if wish.mapping is None and FORMATS[chosen].mapped:
        raise invalid_parameter("/mapping", "a table of order lines needs a mapping, which says what its columns mean")
    if wish.extract is not None and not FORMATS[chosen].mapped:
        raise invalid_parameter("/mode", f"state is for tables of order lines, and the file is of format {chosen}")
    if wish.extract is not None and wish.continue_on_error:
        raise invalid_parameter("/continue_on_error", "leaves rows out, and mode=state takes a file as a whole")
    if wish.continue_on_error and not FORMATS[chosen].partial:
        raise invalid_parameter("/continue_on_error", f"is for {', '.join(PARTIAL)}; the file is of format {chosen}")
