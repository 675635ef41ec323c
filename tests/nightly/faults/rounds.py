"""Rounds of one fault: brought about, taken away, and what came of it."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.nightly.faults.catalogue import Fault
from tests.nightly.faults.records import Verdict, judge
from tests.nightly.faults.stage import ExternalStage, Stage, Watch, held, short_folder, small_disk
from tests.service.postgres_owner import wait_until

#: Beyond its bound, a fault is waited for so long before it counts as not survived.
LAST_S = 120.0
#: What a service promises to answer within, and five seconds for a busy machine.
ANSWER_S = 25.0
#: What a start takes on a machine that has nothing else to do: what it takes here beyond that, every bound has as well.
USUAL_START_S = 8.0
#: Acknowledgements before a round begins.
ENOUGH = 20


@dataclass
class Outcome:
    """What came of a fault's rounds."""

    fault: Fault
    rounds: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    #: Within how many seconds all was to be well again, on this machine.
    bound_s: float = 0.0
    #: Seconds until all was well again, a round each.
    back_s: list[float] = field(default_factory=list)
    #: The longest that a writer waited for any answer.
    slowest_s: float = 0.0
    #: What is wrong, in words.
    wrong: list[str] = field(default_factory=list)


@contextmanager
def staged(fault: Fault) -> Iterator[Stage]:
    """The stage that a fault needs, with writers at work."""
    kind = ExternalStage if fault.external else Stage
    with short_folder() as folder:
        disk = small_disk(fault.disk) if fault.disk else None
        with disk or _same(folder) as place:
            stage = kind(folder, services=fault.services, company=fault.company() if fault.company else None)
            if fault.disk:
                stage.home(0).symlink_to(place, target_is_directory=True)
            try:
                stage.open()
                yield stage
            finally:
                stage.close()


@contextmanager
def _same(folder: Path) -> Iterator[Path]:
    yield folder


def play(fault: Fault, rounds: int, seed: int, report: Callable[[str], None]) -> Outcome:
    """Bring a fault about so many times under one stage, and judge after each."""
    outcome, chance = Outcome(fault), random.Random(f"{fault.name} {seed}")
    verdict: Verdict | None = None
    rounds = min(rounds, fault.most_rounds or rounds)
    outcome.bound_s = fault.bound_s
    with staged(fault) as stage:
        outcome.bound_s += max(0.0, (stage.first_start_s or 0.0) - USUAL_START_S)
        for number in range(1, rounds + 1):
            report(f"{fault.name}: round {number} of {rounds}")
            try:
                outcome.back_s.append(_round(fault, stage, chance, outcome))
            except Exception as error:
                outcome.wrong.append(f"round {number}: {type(error).__name__}: {error}"[:600])
                outcome.wrong += _tracebacks(stage)
                break
            outcome.rounds = number
            verdict = judge(stage.record(), stage.conninfo(), None if fault.goes_back else verdict)
            if verdict.faults:
                break
        stage.rest()
        record = stage.record()
        if not outcome.wrong:
            outcome.wrong += _company_at_last(stage, outcome.bound_s + LAST_S)
        with stage.database() as conninfo:
            verdict = judge(record, conninfo, None if fault.goes_back else verdict)
        outcome.acknowledged = len(record.places)
        outcome.lost, outcome.doubled = len(verdict.lost), len(verdict.doubled)
        outcome.slowest_s = record.slowest_s
        outcome.wrong += [*verdict.faults, *record.wrong[:5]]
        if record.slowest_s > ANSWER_S + fault.silent_s:
            outcome.wrong.append(f"a writer waited {record.slowest_s:.1f} s for an answer")
    return outcome


def _round(fault: Fault, stage: Stage, chance: random.Random, outcome: Outcome) -> float:
    """Seconds from the end of the fault until all was well."""
    before = time.monotonic()
    assert wait_until(lambda: len(_since(stage, before)) >= ENOUGH, LAST_S), "writers do not get on before the fault"
    time.sleep(chance.random())
    watch = Watch()
    with fault.bring(stage, chance):
        held(fault.holds_s, lambda: watch.look(stage))
        # What takes it away is part of what it takes: a killed service is to be started again.
        mended = time.monotonic()
    if fault.stops_writing and watch.unready is None:
        outcome.wrong.append("/readyz did not say that writing was not possible")
    patience = outcome.bound_s + LAST_S
    assert wait_until(lambda: stage.acknowledged_after(mended) is not None, patience), "no write was acknowledged again"
    for number in range(len(stage.services)):
        left = patience - (time.monotonic() - mended)
        assert wait_until(lambda at=number: stage.is_level(at), left), f"not level again: {stage.readiness(number)}"
    if (company := stage.company) is not None:
        company.expect(stage)
        left = patience - (time.monotonic() - mended)
        assert wait_until(lambda: company.waits_for(stage) is None, left), company.waits_for(stage)
    back_s = time.monotonic() - mended
    if back_s > outcome.bound_s:
        outcome.wrong.append(f"back after {back_s:.1f} s, promised {outcome.bound_s:.0f}")
    return back_s


def _company_at_last(stage: Stage, patience_s: float) -> list[str]:
    """What is wrong with what others at the stage were told, once nobody writes any more."""
    company = stage.company
    if company is None:
        return []
    company.expect(stage)
    if not wait_until(lambda: company.waits_for(stage) is None, patience_s):
        return [str(company.waits_for(stage))]
    return company.faults(stage)


def _since(stage: Stage, moment: float) -> list[float]:
    return [ended for began, ended in stage.record().acknowledged if began > moment]


def _tracebacks(stage: Stage) -> list[str]:
    said = [line.rstrip() for service in stage.services if service is not None for line in service.said]
    return said[-12:]
