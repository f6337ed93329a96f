"""Downloads that resume, verify and never leave half a file under its final name."""

import hashlib
import os
from pathlib import Path

import platformdirs
import requests
from filelock import FileLock
from tqdm import tqdm

from latentdx.errors import CorpusCorruptError, CorpusError, CorpusUnreachableError

TIMEOUT = (10.0, 30.0)
"""Seconds to wait for a connection, and for the next bytes of a body."""

_CHUNK = 2**12  # what of the last chunk came before a connection broke is lost, so chunks are small
_MOST_TRIES = 20  # a server that hands out a few bytes a connection is not worth more


def cache_folder() -> Path:
    """Where downloads and stores go: `$LATENTDX_CACHE`, else the platform's own place for caches."""
    return Path(os.environ.get("LATENTDX_CACHE") or platformdirs.user_cache_path("latentdx")).expanduser()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(
    url: str, target: Path, *, sha256: str, size: int, timeout: tuple[float, float] = TIMEOUT
) -> Path:
    """Fetch `url` into `target`, through `target` + ".part", which a later call resumes.

    The file takes its final name only when its SHA-256 is right. A broken connection is taken up again at
    once as long as each try brings new bytes; two processes that want the same file take turns.

    Args:
        url: http(s) address.
        target: final path; its folder is made.
        sha256: expected hash, hexadecimal.
        size: expected length in bytes; a longer body is not read to its end.
        timeout: seconds to connect, seconds between bytes.

    Raises:
        CorpusUnreachableError: no connection, a stall, an HTTP error, a short body; what came is kept.
        CorpusCorruptError: the server's bytes have another hash; they are thrown away.
        CorpusError: the folder cannot be written.
    """
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(target.name + ".lock")):
            if not target.exists():
                _complete(url, part, sha256, size, timeout)
                part.replace(target)
    except OSError as error:  # requests' own errors are translated below, so this is the disk
        raise CorpusError(
            f"{target} cannot be written ({error}): free some room, or set LATENTDX_CACHE to another folder"
        ) from error
    return target


def _complete(url: str, part: Path, sha256: str, size: int, timeout: tuple[float, float]) -> None:
    """Bring `part` to the full file, verified; raises as `download` does."""
    most = part.stat().st_size if part.exists() else 0
    resumed = most > 0
    for _ in range(_MOST_TRIES):
        trouble = _receive(url, part, size, timeout)
        have = part.stat().st_size if part.exists() else 0
        if have >= size:
            found = sha256_of(part)
            if found == sha256 and have == size:
                return
            part.unlink()
            if not resumed:
                raise CorpusCorruptError(
                    f"{url}: the server sent {have:,} bytes or more with SHA-256 {found}, expected {size:,} "
                    f"bytes with SHA-256 {sha256}. Nothing was kept: try again later"
                )
            resumed, most = False, 0  # the old part may be to blame: once more from the start
            continue
        if have <= most:
            break
        most = have
    raise CorpusUnreachableError(
        f"{url}: {trouble}; {have:,} of {size:,} bytes are here. Check the network (HTTPS_PROXY is honored) "
        f"and run the same command again, it goes on from there; or put the file in {part.parent} yourself"
    )


def _receive(url: str, part: Path, size: int, timeout: tuple[float, float]) -> str:
    """One request that appends to `part`, or starts it anew where the server cannot resume; what ended it."""
    have = part.stat().st_size if part.exists() else 0
    if have >= size:
        return "all is here"
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with requests.get(url, headers=headers, stream=True, timeout=timeout) as response:
            if response.status_code >= 400:
                return f"the server answered {response.status_code} {response.reason}"
            goes_on = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            if response.status_code == 206 and not goes_on:
                return f"the server answered with the wrong range {response.headers.get('Content-Range')!r}"
            start = have if response.status_code == 206 else 0
            with (
                part.open("ab" if start else "wb") as file,
                tqdm(
                    desc=part.stem, total=size, initial=start, unit="B", unit_scale=True, disable=None
                ) as bar,
            ):
                for chunk in response.iter_content(_CHUNK):
                    file.write(chunk)
                    bar.update(len(chunk))
                    if file.tell() > size:
                        break
        return "the connection ended early"
    except requests.RequestException as error:
        return f"{type(error).__name__} ({error})"
