"""Optional dependencies."""

from collections.abc import Iterator
from contextlib import contextmanager

from latentdx.errors import MissingDependencyError


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Turn a failed import within it into an error that names the extra to install.

    Raises:
        MissingDependencyError: A package is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"{error.name} is not installed: pip install 'latentdx[{extra}]'", name=error.name
        ) from error
