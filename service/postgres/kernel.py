"""Calls of the Linux kernel that Python has no name for; elsewhere those that only add safety do nothing."""

import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path

ON_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True)

# Numbers from <linux/prctl.h>, <linux/sched.h> and <linux/capability.h>.
_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_SET_CHILD_SUBREAPER = 36
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CLONE_NEWUSER = 0x10000000
_CAPABILITY_VERSION_3 = 0x20080522
#: May enter and read any folder, write nothing.
CAP_DAC_READ_SEARCH = 2
#: May also write anywhere; the weaker one is not among a container's usual capabilities, this one is.
CAP_DAC_OVERRIDE = 1


def die_with_parent(signal_number: int, parent_pid: int) -> None:
    """Have the kernel send us `signal_number` when the thread that forked us ends.

    Call it last before exec: a change of user clears it. The forking thread must live as long as its process.
    """
    if not ON_LINUX:
        return
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent_pid:  # it died before we asked
        os.kill(os.getpid(), signal_number)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, so that none can outlive us unseen."""
    if ON_LINUX:
        _check(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl(PR_SET_CHILD_SUBREAPER)")


def children() -> list[int]:
    """Process ids of our children, adopted ones included; empty where there is no /proc."""
    everyone = (int(entry.name) for entry in Path("/proc").glob("[0-9]*"))
    return [pid for pid in everyone if (status := _status(pid)) and status[1] == os.getpid()]


def is_alive(pid: int) -> bool:
    """Whether a process of that id exists and has not ended (one that only waits for its parent to notice has)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    status = _status(pid)
    return status is None or status[0] not in "ZX"


def _status(pid: int) -> tuple[str, int] | None:
    """State letter and parent of a process; None if it is gone or there is no /proc."""
    try:
        # The name in parentheses may hold anything; state and parent id follow it.
        state, parent = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
    except (OSError, ValueError):
        return None
    return state, int(parent)


def enter_user_namespace(seen_uid: int, seen_gid: int) -> None:
    """Go on as the same user, who from now on looks like `seen_uid` to us and to the programs we run.

    Raises OSError where the kernel, a container or a security module does not allow it.
    """
    uid, gid = os.geteuid(), os.getegid()
    if not ON_LINUX:
        raise OSError("user namespaces are a thing of Linux")
    _check(_libc.unshare(_CLONE_NEWUSER), "unshare(CLONE_NEWUSER)")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{seen_uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{seen_gid} {gid} 1")


def become(uid: int, gid: int, capabilities: Iterable[int]) -> None:
    """Give up being root for `uid`, keeping the first of `capabilities` that can be kept, also over exec; or none."""
    if not ON_LINUX:
        raise OSError("capabilities are a thing of Linux")
    os.setgroups([])
    os.setgid(gid)
    _check(_libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0), "prctl(PR_SET_KEEPCAPS)")
    os.setresuid(uid, uid, uid)
    for capability in capabilities:
        try:
            _keep_only(capability)
        except OSError:
            continue
        return


def _keep_only(capability: int) -> None:
    """Reduce our capabilities to one, and make it ambient: programs we run then have it too."""
    mask = 1 << capability
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    # Two blocks (low and high 32 bits) of effective, permitted, inheritable.
    sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    _check(_libc.capset(header, sets), "capset")
    _check(_libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0), "prctl(PR_CAP_AMBIENT)")


def _check(result: int, call: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
