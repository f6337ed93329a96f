"""Optional dependencies: an error that tells users which extra to install."""

from collections.abc import Iterator
from contextlib import contextmanager

from latentdx.errors import MissingDependencyError


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Turn a failed import within the `with` block into an error that names the extra to install.

    Args:
        extra: Extra that installs the packages imported in the block, such as "train".

    Raises:
        MissingDependencyError: A package imported in the block is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"{error.name} is not installed: pip install 'latentdx[{extra}]'", name=error.name
        ) from error
