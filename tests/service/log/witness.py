"""A little witness on the loopback address: it signs what is consistent with all that it signed before."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from domain.merkle import ProofError, verify_consistency
from domain.notes import NoteError, VerifierKey, parse_checkpoint, parse_note, read_base64, read_number
from service.log.signatures import SigningKey, verify


class Witness(ThreadingHTTPServer):
    """One witness, which knows one log."""

    daemon_threads = True

    def __init__(self, key: SigningKey, origin: str, log_keys: list[VerifierKey]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.key = key
        self.origin = origin
        self.log_keys = log_keys
        #: What it signed last.
        self.size, self.root = 0, b""
        #: The first lines of the requests, as they came.
        self.asked: list[str] = []
        #: Answers to give instead of its own, first come first served.
        self.answers: list[tuple[int, str, str]] = []

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_address[1]}/witness"

    @property
    def vkey(self) -> str:
        """The key of its cosignatures."""
        return self.key.verifier.cosigner.encode()

    def answer(self, path: str, body: str) -> tuple[int, str, str]:
        """Status, media type and text for a request."""
        self.asked.append(body.partition("\n")[0])
        if self.answers:
            return self.answers.pop(0)
        if path != "/witness/add-checkpoint":
            return 404, "text/plain", "no such page"
        head, _, note = body.partition("\n\n")
        old_line, *proof = head.split("\n")
        old = read_number(old_line.removeprefix("old "))
        parsed = parse_note(note.encode())
        checkpoint = parse_checkpoint(parsed.text)
        if checkpoint.origin != self.origin:
            return 404, "text/plain", "unknown log"
        try:
            verify(parsed, self.log_keys)
        except NoteError as error:
            return 403, "text/plain", str(error)
        if old > checkpoint.size:
            return 400, "text/plain", "old is larger"
        if old != self.size:
            return 409, "text/x.tlog.size", f"{self.size}\n"
        if old == checkpoint.size and self.root and checkpoint.root != self.root:
            return 409, "text/x.tlog.size", f"{self.size}\n"
        try:
            if old:
                hashes = [read_base64(line) for line in proof]
                verify_consistency(old, checkpoint.size, self.root, checkpoint.root, hashes)
            elif proof:
                return 422, "text/plain", "a proof from nothing"
        except ProofError as error:
            return 422, "text/plain", str(error)
        self.size, self.root = checkpoint.size, checkpoint.root
        foreign = SigningKey("somebody.else", bytes(32)).cosign(parsed.text, 1).line
        return 200, "text/plain", foreign + self.key.cosign(parsed.text, int(time.time())).line


class Handler(BaseHTTPRequestHandler):
    """Reads a request and writes what the witness answers."""

    server: Witness

    def do_POST(self) -> None:  # the library's name
        """Answer a POST."""
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        status, media_type, text = self.server.answer(self.path, body)
        self.send_response(status)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Nothing is written to stderr."""


@contextmanager
def witnessing(key: SigningKey, origin: str, *log_keys: VerifierKey) -> Iterator[Witness]:
    """A witness that answers in the block."""
    with Witness(key, origin, list(log_keys)) as witness:
        thread = threading.Thread(target=witness.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield witness
        finally:
            witness.shutdown()
            thread.join()
