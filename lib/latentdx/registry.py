"""Data files: where they are searched for, and how the published ones are downloaded.

In a checkout, data files lie in `data/` and are never downloaded. Elsewhere a file is taken from the package,
or else from the user's cache, into which it is downloaded when it is first needed. `registry.json` lists
every file that can be downloaded; `python -m latentdx_book.build.release` writes it.
"""

import json
import sys
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from filelock import FileLock

from latentdx.checkout import checkout
from latentdx.errors import DataCorruptError, DataError, DataMissingError, DataUnreachableError
from latentdx.run_options import cache_folder

REPOSITORY = "https://github.com/latentdx/latentdx"

TIMEOUT = (10.0, 30.0)
"""Time limits for a connection and for the next bytes, in seconds."""


@dataclass(frozen=True)
class RemoteFile:
    """A published file that can be downloaded.

    Attributes:
        name: Path in the cache, such as "data/checkpoints/num.safetensors". An archive "data/results.zip"
            holds the folder "data/results".
        url: Address.
        sha256: SHA-256, in hexadecimal.
        size: Length in bytes.
        license: License, or what is known about it.
    """

    name: str
    url: str
    sha256: str
    size: int
    license: str


@cache
def registry() -> dict[str, RemoteFile]:
    """Return all published files by name.

    >>> registry()["corpora/learnfm/compact.bin"].size
    4016640
    """
    entries = json.loads(resources.files("latentdx").joinpath("registry.json").read_text("utf8"))
    return {entry["name"]: RemoteFile(**entry) for entry in entries}


def is_here(*parts: str) -> bool:
    """Tell whether `data_path` finds a file or folder without downloading anything.

    Args:
        *parts: Folders and name below `data/`, see `data_path`.
    """
    root = checkout()
    places = [root / "data"] if root else [_bundled(), cache_folder() / "data"]
    return any(place.joinpath(*parts).exists() for place in places)


def _bundled() -> Path:
    return Path(str(resources.files("latentdx").joinpath("data")))


def data_path(*parts: str) -> Path:
    """Find a file or folder of the project's data, such as `data_path("checkpoints", "num.safetensors")`.

    Args:
        *parts: Folders and name below `data/`.

    Returns:
        Path in the checkout, in the package or in the cache. A published file is downloaded into the cache. A
        file that is found nowhere is not an error: the returned path is then where it belongs.

    Raises:
        DataError: The file is published, but cannot be downloaded.
    """
    root = checkout()
    if root is not None:
        return root.joinpath("data", *parts)
    bundled = _bundled().joinpath(*parts)
    if bundled.is_file():
        return bundled
    name = "/".join(("data", *parts))
    if name in registry():
        return fetch(name)
    if parts and f"data/{parts[0]}.zip" in registry():
        fetch(f"data/{parts[0]}.zip")
    elif bundled.is_dir():
        return bundled
    return cache_folder().joinpath("data", *parts)


def fetch(name: str) -> Path:
    """Return the path of a published file in the cache, and download the file if it is not there yet.

    Args:
        name: Name in `registry`.

    Raises:
        DataMissingError: No file of this name is published.
        DataError: The file cannot be downloaded; see `fetch_file`.
    """
    if name not in registry():
        raise DataMissingError(f"no file {name!r} is published; these are: {', '.join(registry())}")
    return fetch_file(registry()[name])


def fetch_file(file: RemoteFile) -> Path:
    """Return the path of a published file in the cache, and download the file if it is not there yet.

    A download takes its final name only after its SHA-256 has been checked. An archive is unpacked into a
    folder next to it. HTTPS_PROXY is honored.

    Args:
        file: Published file.

    Raises:
        DataUnreachableError: There is no connection, the server stalls, or it answers with an HTTP error.
        DataCorruptError: The server's bytes have another SHA-256; they are discarded.
        DataError: The cache cannot be written.
    """
    import pooch
    import requests

    target = cache_folder() / file.name
    pooch.get_logger().setLevel("WARNING")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f"{target.name}.lock")):  # two processes take turns
            pooch.retrieve(
                file.url,
                known_hash=f"sha256:{file.sha256}",
                fname=target.name,
                path=target.parent,
                processor=pooch.Unzip(extract_dir=target.stem) if target.suffix == ".zip" else None,
                downloader=pooch.HTTPDownloader(timeout=TIMEOUT, progressbar=sys.stderr.isatty()),
            )
    except requests.RequestException as error:
        raise DataUnreachableError(
            f"{file.url}: {type(error).__name__} ({error}). Check the network (HTTPS_PROXY is honored) "
            f"and try again, or put the file at {target} yourself"
        ) from error
    except ValueError as error:  # pooch raises it for a wrong hash
        raise DataCorruptError(
            f"{file.url}: the server's file does not have the published SHA-256 {file.sha256}. "
            "Nothing was kept: try again later"
        ) from error
    except OSError as error:
        raise DataError(
            f"{target} cannot be written ({error}): free some space, or set LATENTDX_CACHE to another folder"
        ) from error
    return target
