"""OCDS as files have it: packages, records and releases, in one JSON document or one a line, taken apart."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from typing import Any, BinaryIO

from domain.json_text import DECODER
from service.importing.rows import BYTE_ORDER_MARK, BadFile, FileFault
from service.ocds import VERSION

#: A line of JSON Lines holds one package, which may well have some thousand releases.
LONGEST_LINE_BYTES = 64 * 1024 * 1024
#: A document over several lines is read as one: in memory it takes some ten times as much.
LARGEST_DOCUMENT_BYTES = 128 * 1024 * 1024
#: The version that has no `version` field.
OLD_VERSION = "1.0"

#: Numbers with a point are read as they are written; money never becomes a float.
_DECODER = json.JSONDecoder(
    object_pairs_hook=DECODER.object_pairs_hook,
    parse_constant=DECODER.parse_constant,
    parse_int=DECODER.parse_int,
    parse_float=Decimal,
)

#: Names that OCDS alone has, and both of which all its packages have.
OWN_NAME = re.compile(rb'(?<!\\)"(?:ocid|compiledRelease)"\s*:')
PACKAGE_NAMES = (re.compile(rb'(?<!\\)"publisher"\s*:'), re.compile(rb'(?<!\\)"publishedDate"\s*:'))


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON value of a file, and the line on which it begins."""

    line: int
    value: Any


@dataclass(frozen=True, slots=True)
class Publication:
    """A release as a file has it."""

    line: int
    #: JSON pointer to it, within its document.
    pointer: str
    release: dict[str, Any]
    #: A compiled release: everything that was known on its date, not what is new.
    whole: bool = False


@dataclass(frozen=True, slots=True)
class DocumentRemarks:
    """What there is to say of a package or a record."""

    line: int
    #: The ocid, where one is concerned; may be empty.
    row: str
    message: str
    #: It cannot be read; else there is just nothing in it to record.
    fault: bool
    raw: Any = None


@dataclass(frozen=True, slots=True)
class Package:
    """What holds releases or records, taken apart; of a lone release or record there is no `shell`."""

    line: int
    #: "release-package", "record-package", "record", "release"
    kind: str
    shell: Mapping[str, Any] | None
    #: Each with the JSON pointer to it.
    members: tuple[tuple[str, Any], ...]


def is_ocds(head: bytes) -> bool:
    """Whether a file that begins so is of OCDS."""
    if not head.removeprefix(BYTE_ORDER_MARK).lstrip().startswith((b"{", b"[")):
        return False
    return OWN_NAME.search(head) is not None or all(name.search(head) for name in PACKAGE_NAMES)


def parse(text: bytes) -> Any:
    """One JSON value with exact decimals; ValueError says what is wrong and where."""
    try:
        return _DECODER.decode(text.decode("utf-8").strip())
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: {error.reason} at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise ValueError("not read: nested too deeply") from None
    except ArithmeticError:
        raise ValueError("not read: a number beyond all bounds") from None


def documents(file: BinaryIO) -> Iterator[Document | DocumentRemarks]:
    """The JSON values of a file: one a line, or one over several lines; what cannot be read is said.

    Raises BadFile for a file that is empty, a line or a document that is too long, and a broken gzip file.
    """
    lines = ((line, text) for line, text in _texts(file) if text)
    head = list(_take(lines, 2))
    if not head:
        raise BadFile([FileFault(1, "the file is empty")])
    first_line, first = head[0]
    if _is_alone(first) or (len(head) > 1 and head[1][1].startswith(b"{")):
        for line, text in chain(head, lines):
            yield _document(line, text)
        return
    del head
    yield _document(first_line, _whole(file))


def _texts(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    file.seek(0)
    line = 0
    while text := file.readline(LONGEST_LINE_BYTES + 1):
        line += 1
        if len(text) > LONGEST_LINE_BYTES:
            raise BadFile(
                [FileFault(line, f"is longer than {LONGEST_LINE_BYTES:,} bytes, more than a package may take")]
            )
        yield line, (text.removeprefix(BYTE_ORDER_MARK) if line == 1 else text).strip()


def _take(lines: Iterator[tuple[int, bytes]], count: int) -> Iterator[tuple[int, bytes]]:
    for _ in range(count):
        if (one := next(lines, None)) is not None:
            yield one


def _is_alone(text: bytes) -> bool:
    """Whether a line is a JSON document by itself."""
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _whole(file: BinaryIO) -> bytes:
    file.seek(0)
    text = file.read(LARGEST_DOCUMENT_BYTES + 1)
    if len(text) > LARGEST_DOCUMENT_BYTES:
        message = f"one JSON document of more than {LARGEST_DOCUMENT_BYTES:,} bytes: write its packages one a line"
        raise BadFile([FileFault(1, message)])
    return text.removeprefix(BYTE_ORDER_MARK)


def _document(line: int, text: bytes) -> Document | DocumentRemarks:
    try:
        return Document(line, parse(text))
    except ValueError as error:
        raw = text[:1000].decode("utf-8", "replace")
        return DocumentRemarks(line, "", str(error), fault=True, raw=raw)


def packages(document: Document) -> Iterator[Package | DocumentRemarks]:
    """What a document holds: a package, a record, a release, or a list of them."""
    value = document.value
    for pointer, one in [(f"/{n}", one) for n, one in enumerate(value)] if isinstance(value, list) else [("", value)]:
        yield _package(document.line, pointer, one)


def _package(line: int, pointer: str, value: Any) -> Package | DocumentRemarks:
    if not isinstance(value, dict):
        return DocumentRemarks(
            line, "", f"{pointer or 'the document'} is no JSON object, and so nothing of OCDS", True, str(value)[:100]
        )
    kind = _kind_of(value)
    if kind is None:
        message = f"{pointer or 'the document'} is neither a release or record package nor a release or record of OCDS"
        return DocumentRemarks(line, str(value.get("ocid", ""))[:100], message, fault=True, raw=sorted(value)[:20])
    if kind in ("release", "record"):
        return Package(line, kind, None, ((pointer, value),))
    version = value.get("version")
    if version not in (VERSION, OLD_VERSION, None):
        message = f"{pointer}/version: the package is of OCDS version {str(version)[:20]!r}; {VERSION} is read"
        return DocumentRemarks(line, "", message, fault=True, raw=value.get("uri"))
    field = "records" if kind == "record-package" else "releases"
    held = value[field] if isinstance(value[field], list) else []
    members = tuple((f"{pointer}/{field}/{n}", one) for n, one in enumerate(held))
    return Package(line, kind, value, members)


def _kind_of(value: Mapping[str, Any]) -> str | None:
    if "records" in value:
        return "record-package"
    if "ocid" not in value:
        return "release-package" if "releases" in value else None
    if "releases" in value or "compiledRelease" in value:
        return "record"
    return "release" if "tag" in value or "date" in value else None


def publications(line: int, pointer: str, record: Mapping[str, Any]) -> Iterator[Publication | DocumentRemarks]:
    """The releases of a record: those embedded in it, or else its compiled release; links are never followed."""
    ocid = str(record.get("ocid", ""))[:100]
    releases = record.get("releases")
    embedded = [
        Publication(line, f"{pointer}/releases/{n}", release)
        for n, release in enumerate(releases if isinstance(releases, list) else ())
        if isinstance(release, dict) and ("ocid" in release or "id" in release)
    ]
    compiled = record.get("compiledRelease")
    if embedded:
        yield from embedded
    elif isinstance(compiled, dict) and compiled:
        yield Publication(line, f"{pointer}/compiledRelease", compiled, whole=True)
    else:
        links = len(releases) if isinstance(releases, list) else 0
        message = f"{links} releases are linked, not embedded, and there is no compiled release: nothing to record"
        yield DocumentRemarks(line, ocid, message, fault=False)
