"""What the guard measures of the machine: disk, memory, open files. None where this system does not say."""

import os
import resource
import shutil
from dataclasses import dataclass
from pathlib import Path

STATM, OPEN = Path("/proc/self/statm"), "/proc/self/fd"


@dataclass(frozen=True, slots=True)
class Machine:
    """One look: free bytes beside the journal, bytes that this program holds, share of its open files."""

    disk: int
    memory: int | None
    descriptors: float | None


def measure(folder: Path) -> Machine:
    """Look once; takes a few microseconds."""
    return Machine(_disk(folder), _memory(), _descriptors())


def _disk(folder: Path) -> int:
    """Free bytes; a disk that cannot be looked at has none."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def _memory() -> int | None:
    try:
        pages = int(STATM.read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * resource.getpagesize()


def _descriptors() -> float | None:
    """Share of the limit; 1.0 when not even the list of them can be opened."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if not os.path.isdir(OPEN) or limit <= 0:  # noqa: PTH112 - must open nothing
        return None
    try:
        return len(os.listdir(OPEN)) / limit  # noqa: PTH208 - as above
    except OSError:
        return 1.0
