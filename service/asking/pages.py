"""Lists that are answered page by page, read to their end as they are used; all pages are of one moment."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from service.asking.columns import Answer, Record
from service.asking.comparisons import Comparisons
from service.asking.paging import HELD, MOST, MOST_EVIDENCE
from service.asking.questions import Questions
from service.asking.views import Question

Raw = dict[str, list[str]]
#: Clocks that are resolved to a position, which is the same for all pages.
MOVING = ("recorded_at", "min_position")
#: Called with how many entries were read.
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ViewPages:
    """How the list of one view is read."""

    #: Where the entries stand in an answer.
    listed: str
    #: Parameters that ask for one page: where one of them is given, that page is the answer.
    naming: tuple[str, ...]
    #: Entries of a page that is asked for here.
    size: int
    #: The parameters of the page behind an answer, which is behind so many entries.
    following: Callable[[Raw, Answer, int], Raw]
    #: Whether an answer to such a question is the last page.
    is_last: Callable[[Raw, Answer], bool]


def _by_cursor(raw: Raw, answer: Answer, done: int) -> Raw:
    # The cursor holds the clocks.
    kept = {name: values for name, values in raw.items() if name not in (*HELD, *MOVING)}
    return {**kept, "cursor": [answer["next_cursor"]]}


def _by_offset(raw: Raw, answer: Answer, done: int) -> Raw:
    kept = {name: values for name, values in raw.items() if name not in MOVING}
    clocks = {name: [str(answer["resolved"][name])] for name in HELD if answer["resolved"][name] is not None}
    return {**kept, **clocks, "offset": [str(done)]}


def _is_short(raw: Raw, answer: Answer) -> bool:
    return len(answer["contributions"]) < int(raw["limit"][0])


PAGES = {
    "orders": ViewPages("orders", ("limit", "cursor"), MOST, _by_cursor, lambda raw, answer: not is_cut(answer)),
    "order-lines": ViewPages("lines", ("limit", "cursor"), MOST, _by_cursor, lambda raw, answer: not is_cut(answer)),
    "likely-duplicates": ViewPages(
        "likely_duplicates", ("limit", "cursor"), MOST, _by_cursor, lambda raw, answer: not is_cut(answer)
    ),
    "regulatory-exposure/orders": ViewPages(
        "rows", ("limit", "cursor"), MOST, _by_cursor, lambda raw, answer: not is_cut(answer)
    ),
    "vendor-dependence/evidence": ViewPages("contributions", ("limit", "offset"), MOST_EVIDENCE, _by_offset, _is_short),
}


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of all pages. Going through them again reads all pages but the first again."""

    question: Question
    pages: ViewPages
    first: Answer
    questions: Questions
    comparisons: Comparisons
    progress: Progress

    def __iter__(self) -> Iterator[Record]:
        answer, done = self.first, 0
        while True:
            found = answer[self.pages.listed]
            yield from found
            done += len(found)
            self.progress(done)
            if self.pages.is_last(self.question.raw, answer):
                return
            raw = self.pages.following(self.question.raw, answer, done)
            answer = Question(self.question.view, self.question.identifier, raw).answer(
                self.questions, self.comparisons
            )


def whole_answer(
    question: Question, questions: Questions, comparisons: Comparisons, progress: Progress
) -> dict[str, Any]:
    """The answer with the entries of all pages, unless the question asks for one page."""
    pages = PAGES.get(question.view.path)
    if pages is None or any(name in question.raw for name in pages.naming):
        return question.answer(questions, comparisons)
    paged = Question(question.view, question.identifier, {**question.raw, "limit": [str(pages.size)]})
    first = paged.answer(questions, comparisons)
    whole = {**first, pages.listed: Entries(paged, pages, first, questions, comparisons, progress)}
    return {name: None if name == "next_cursor" else value for name, value in whole.items()}


def is_cut(answer: Answer) -> bool:
    """Whether an answer is a page with others behind it, as far as it says so."""
    return answer.get("next_cursor") is not None
