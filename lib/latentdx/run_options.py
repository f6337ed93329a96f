"""How long computations run."""

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """Return the folder of downloads, stores and runs: `$LATENTDX_CACHE`, else the platform's own place."""
    return Path(os.environ.get("LATENTDX_CACHE") or platformdirs.user_cache_path("latentdx")).expanduser()


@dataclass(frozen=True)
class RunOptions:
    """How a long computation runs. Nothing here changes its result.

    Attributes:
        processes: Number of processes, or of threads where the work releases Python's lock; `None` for one
            per core, 1 for this process alone.
        progress: Show a progress bar; `None` shows one on a terminal only.
        cache: Root folder of finished parts, which are never computed again; `None` for the user's cache.
    """

    processes: int | None = None
    progress: bool | None = None
    cache: Path | None = None

    @property
    def workers(self) -> int:
        """Number of processes."""
        return self.processes or os.cpu_count() or 1

    @property
    def hidden(self) -> bool | None:
        """What `tqdm` takes as `disable`."""
        return None if self.progress is None else not self.progress

    def folder(self, kind: str) -> Path:
        """Return the folder in which parts of one kind are kept."""
        return (self.cache or cache_folder()) / kind
