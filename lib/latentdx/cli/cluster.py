"""Dask clusters that commands work on, by their options."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from latentdx.cli.common import fail
from latentdx.errors import ParameterError

if TYPE_CHECKING:
    from distributed import Client


@contextmanager
def dask_client(workers: int | None, scheduler: str | None) -> "Iterator[Client | None]":
    """Yield a Dask client, or `None` if no cluster is asked for.

    Args:
        workers: Number of processes of a cluster on this machine, which is started and ended.
        scheduler: Address of the cluster to use instead, such as "tcp://10.0.0.1:8786".

    Raises:
        ParameterError: The address is not one, or no scheduler answers there.
    """
    if workers is None and scheduler is None:
        yield None
        return
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        fail("--workers and --scheduler need Dask: pip install 'latentdx[cluster]'")
    if scheduler is not None:
        with _connected(Client, scheduler) as client:
            yield client
        return
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        yield client


def _connected(connect: Callable[..., Any], scheduler: str) -> "AbstractContextManager[Client]":
    """Connect to a scheduler, or say that none is there."""
    try:
        return connect(scheduler, timeout=10)
    except (OSError, ValueError) as error:  # a time-out is an OSError
        raise ParameterError(
            f"--scheduler {scheduler}: no Dask scheduler answers there ({error}); such an address is"
            " tcp://10.0.0.1:8786"
        ) from error
