"""What the doctor asks where a service runs: how it says that it does, and what lies in its home."""

from collections.abc import Iterator
from pathlib import Path

import httpx2

from service.doctor.installation import InstallationFinding, Verdict
from service.importing.queue.folders import unreadable

#: How long a running service may take to say how it is: a little longer than it takes at most.
PATIENCE_S = 5.0
#: How a kind of work goes that needs no attention.
GOING_WELL = frozenset(
    ("idle", "recording", "following", "behind", "issuing", "level", "delivering", "waiting", "running", "elsewhere")
)


def of_imports(home: Path) -> Iterator[InstallationFinding]:
    """The folders of imports that an earlier version kept and that could not be taken over."""
    if folders := unreadable(home):
        sentence = f"the records of {len(folders)} files below {home / 'imports'} cannot be read"
        yield InstallationFinding("imports", "bad", sentence)


def of_service(url: str) -> Iterator[InstallationFinding]:
    """How a running service says that it does."""
    try:
        answer = httpx2.get(f"{url.rstrip('/')}/readyz", timeout=PATIENCE_S)
        answered = answer.json()
        status, work = str(answered["status"]), dict(answered.get("work") or {})
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        yield InstallationFinding("service", "bad", f"{url} cannot be asked: {type(error).__name__}: {error}")
        return
    except (ValueError, LookupError, TypeError) as error:
        yield InstallationFinding("service", "bad", f"{url} is no service of this kind: {type(error).__name__}")
        return
    yield InstallationFinding("service", "good" if answer.status_code == 200 else "bad", f"{url}: {status}")
    for name, doing in work.items():
        parts = [str(doing.get("state"))]
        parts += [f"{doing['waiting']:,} waiting"] if doing.get("waiting") else []
        parts += [f"for {doing['age_s']:,.0f} s"] if doing.get("age_s") and name != "checkpoints" else []
        parts += [str(doing["reason"])] if doing.get("reason") else []
        verdict: Verdict = "good" if doing.get("state") in GOING_WELL else "warning"
        yield InstallationFinding(name, verdict, ", ".join(parts))
    for name, state in dict(answered.get("threads") or {}).items():
        yield InstallationFinding("threads", "warning", f"{name} is {state}: the service's log says why")
