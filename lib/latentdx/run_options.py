"""Options of long computations: processes, progress bar and cache."""

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """Return the folder of downloads, stores and runs.

    It is `$LATENTDX_CACHE` if that is set, else the platform's folder for user caches.
    """
    return Path(os.environ.get("LATENTDX_CACHE") or platformdirs.user_cache_path("latentdx")).expanduser()


def keep_threads_awake() -> None:
    """Let PyTorch's threads wait actively for their next work; only before PyTorch is imported.

    With one process on all cores this makes training a third faster. Beside other work the threads would wait
    for others that do not run, so nothing is changed where half of the cores or more were busy in the last
    minute, or where the environment variable OMP_WAIT_POLICY is set.
    """
    try:
        idle = os.getloadavg()[0] < (os.cpu_count() or 1) / 2
    except (AttributeError, OSError):  # not on Windows
        return
    if idle:
        os.environ.setdefault("OMP_WAIT_POLICY", "ACTIVE")


@dataclass(frozen=True)
class RunOptions:
    """Options of a long computation, none of which changes its result.

    Attributes:
        processes: Number of processes, or of threads where the work releases Python's global lock; 1 runs
            everything in the current process; default `None`: one per core.
        progress: Show a progress bar; default `None`: on a terminal only.
        cache: Root folder of finished parts, which are never computed again; default `cache_folder()`.

    >>> RunOptions(processes=2).workers
    2
    """

    processes: int | None = None
    progress: bool | None = None
    cache: Path | None = None

    @property
    def workers(self) -> int:
        """Number of processes: `processes`, or the number of cores."""
        return self.processes or os.cpu_count() or 1

    @property
    def hidden(self) -> bool | None:
        """Value of `disable` for `tqdm`."""
        return None if self.progress is None else not self.progress

    def folder(self, kind: str) -> Path:
        """Return the folder for finished parts of one kind, such as "descriptors"."""
        return (self.cache or cache_folder()) / kind
