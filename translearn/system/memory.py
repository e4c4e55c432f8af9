"""How much memory is free, and work that would need more, refused before it starts."""

import os
import sys
from pathlib import Path

from translearn.errors import OutOfMemoryError

GROUPS = Path("/sys/fs/cgroup")


def free_memory() -> int | None:
    """Bytes that this process may still take: of the machine, its container and its own limit.

    None where the system does not tell.
    """
    known = [free for free in (_of_machine(), _of_container(), _of_process()) if free is not None]
    return min(known) if known else None


def refuse_too_large(what: str, needed: float, advice: str, free: int | None = None) -> None:
    """Refuse what needs more memory than is free.

    Args:
        what: that needs it, as the beginning of a sentence.
        needed: bytes, rather too few than too many.
        advice: what to do about it.
        free: bytes; None: of this machine.

    Raises:
        OutOfMemoryError: saying how much is needed and how much is free.
    """
    free = free_memory() if free is None else free
    if free is not None and needed > free:
        raise OutOfMemoryError(
            f"{what} needs about {gigabytes(needed)} GB, {gigabytes(free)} are free\n{advice}"
        )


def gigabytes(count: float) -> str:
    """Bytes in GB, to two digits."""
    size = count / 1e9
    return f"{size:.0f}" if size >= 10 else f"{size:.1f}" if size >= 1 else f"{size:.2g}"


def _of_machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found = dict(line.split(":", 1) for line in lines)
        return sum(int(found[name].split()[0]) for name in ("MemAvailable", "SwapFree")) * 1024
    except (OSError, ValueError, KeyError, IndexError):
        return None


def _of_container() -> int | None:
    """Of the control group, by version 2 or 1; its page cache can be given back."""
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            most = int((GROUPS / limit).read_text(encoding="ascii"))
            taken = int((GROUPS / used).read_text(encoding="ascii"))
            return max(0, most - taken + _page_cache((GROUPS / limit).parent / "memory.stat"))
        except (OSError, ValueError):
            continue
    return None


def _page_cache(path: Path) -> int:
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        return sum(int(line.split()[1]) for line in lines if line.split()[0] in CACHED)
    except (OSError, ValueError, IndexError):
        return 0


CACHED = ("active_file", "inactive_file")


def _of_process() -> int | None:
    """Of the limit of its address space (``ulimit -v``)."""
    if sys.platform != "linux":
        return None
    import resource

    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY:
        return None
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return None
    return max(0, most - pages * os.sysconf("SC_PAGE_SIZE"))
