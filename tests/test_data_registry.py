"""Downloads from a server that stalls, truncates, fails or serves wrong bytes; and the search for data."""

import hashlib
import io
import re
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from latentdx import registry
from latentdx.errors import DataCorruptError, DataError, DataMissingError, DataUnreachableError
from latentdx.files import sha256_of
from latentdx.registry import RemoteFile, data_path, fetch, fetch_file, is_here
from latentdx.run_options import cache_folder

ROOT = Path(__file__).parents[1]
DATA = np.random.default_rng(7).bytes(300_000)
SHA = hashlib.sha256(DATA).hexdigest()
NAME = "corpora/small/corpus.bin"

Behavior = Callable[["Handler", int], None]


class Handler(BaseHTTPRequestHandler):
    """Handler that answers the n-th request with the n-th behavior, and later requests with the last one."""

    server: "Server"

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        with self.server.lock:
            behavior = self.server.behaviors[min(len(self.server.asked), len(self.server.behaviors) - 1)]
            self.server.asked.append(asked)
        match = re.fullmatch(r"bytes=(\d+)-", asked or "")
        behavior(self, int(match[1]) if match else 0)

    def begin(self, start: int, body: bytes, total: int | None = None) -> None:
        """Send status and headers of a body that starts at byte `start`."""
        total = len(DATA) if total is None else total
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *behaviors: Behavior) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviors, self.asked, self.lock = behaviors, list[str | None](), threading.Lock()
        self.release = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """Report nothing, because clients close connections on purpose here."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/corpus.bin"


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Return a function that starts a server with the given behaviors."""
    servers: list[Server] = []

    def start(*behaviors: Behavior) -> Server:
        servers.append(Server(*behaviors))
        return servers[-1]

    yield start
    for server in servers:
        server.release.set()
        server.shutdown()
        server.server_close()


def well(request: Handler, start: int) -> None:
    request.begin(start, DATA[start:])
    request.wfile.write(DATA[start:])


def truncating(most: int) -> Behavior:
    def truncate(request: Handler, start: int) -> None:
        request.begin(start, DATA[start:])
        request.wfile.write(DATA[start : start + most])

    return truncate


def stalling(after: int) -> Behavior:
    def stall(request: Handler, start: int) -> None:
        request.begin(start, DATA[start:])
        request.wfile.write(DATA[start : start + after])
        request.wfile.flush()
        request.server.release.wait(20)

    return stall


def failing(status: int) -> Behavior:
    return lambda request, start: request.send_error(status)


def lying(body: bytes) -> Behavior:
    """Return a behavior that serves other bytes."""

    def lie(request: Handler, start: int) -> None:
        request.begin(start, body, len(body))
        request.wfile.write(body)

    return lie


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LATENTDX_CACHE", str(tmp_path / "new/cache"))
    monkeypatch.setattr(registry, "TIMEOUT", (5.0, 1.0))
    return tmp_path / "new/cache"


@pytest.fixture
def target(empty_cache: Path) -> Path:
    return empty_cache / NAME


def published(url: str, data: bytes = DATA, name: str = NAME) -> RemoteFile:
    return RemoteFile(name, url, hashlib.sha256(data).hexdigest(), len(data), "ours")


def left(folder: Path) -> list[str]:
    """Return the names of all files except locks."""
    return sorted(p.name for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock")


def test_a_plain_download(serve: Callable[..., Server], target: Path) -> None:
    server = serve(well)
    assert fetch_file(published(server.url)) == target
    assert target.read_bytes() == DATA and len(server.asked) == 1
    assert left(target.parent) == ["corpus.bin"]


def test_an_existing_file_is_not_downloaded_again(serve: Callable[..., Server], target: Path) -> None:
    server = serve(well)
    for _ in range(2):
        fetch_file(published(server.url))
    assert len(server.asked) == 1


def test_a_new_version_of_a_file_replaces_the_old_one(serve: Callable[..., Server], target: Path) -> None:
    server = serve(lying(b"old"), well)
    fetch_file(published(server.url, b"old"))
    fetch_file(published(server.url))
    assert target.read_bytes() == DATA


@pytest.mark.parametrize("behavior", [truncating(0), truncating(102_400), stalling(0), stalling(131_072)])
def test_a_broken_download_leaves_nothing_and_the_next_one_works(
    behavior: Behavior, serve: Callable[..., Server], target: Path
) -> None:
    server = serve(behavior, well)
    with pytest.raises(DataUnreachableError) as caught:
        fetch_file(published(server.url))
    assert server.url in str(caught.value) and str(target) in str(caught.value)
    assert left(target.parent) == []
    assert fetch_file(published(server.url)).read_bytes() == DATA


def test_a_stalled_server_soon_times_out(serve: Callable[..., Server]) -> None:
    start = time.perf_counter()
    with pytest.raises(DataUnreachableError, match="timed out"):
        fetch_file(published(serve(stalling(0)).url))
    assert time.perf_counter() - start < 15


@pytest.mark.parametrize("body", [DATA[:-1] + b"x", b"<html>not here</html>", DATA + b"more", b""])
def test_wrong_bytes_are_refused(body: bytes, serve: Callable[..., Server], target: Path) -> None:
    with pytest.raises(DataCorruptError, match=f"SHA-256 {SHA}.*Nothing was kept"):
        fetch_file(published(serve(lying(body)).url))
    assert left(target.parent) == []


@pytest.mark.parametrize("status", [403, 404, 429, 500, 503])
def test_http_errors_are_reported_and_the_request_is_not_repeated(
    status: int, serve: Callable[..., Server]
) -> None:
    server = serve(failing(status))
    with pytest.raises(DataUnreachableError, match=str(status)):
        fetch_file(published(server.url))
    assert len(server.asked) == 1


def test_a_refused_connection(serve: Callable[..., Server]) -> None:
    server = serve(well)
    server.shutdown()
    server.server_close()
    with pytest.raises(DataUnreachableError, match="refused"):
        fetch_file(published(server.url))


def test_no_such_host() -> None:
    with pytest.raises(DataUnreachableError, match=r"nowhere\.invalid"):
        fetch_file(published("http://nowhere.invalid/x"))


def test_a_redirect_is_followed(serve: Callable[..., Server]) -> None:
    there = serve(well)

    def redirect(request: Handler, start: int) -> None:
        request.send_response(302)
        request.send_header("Location", there.url)
        request.end_headers()

    assert fetch_file(published(serve(redirect).url)).read_bytes() == DATA


def test_simultaneous_downloads_of_a_file_fetch_it_once(serve: Callable[..., Server], target: Path) -> None:
    def slowly(request: Handler, start: int) -> None:
        request.begin(start, DATA[start:])
        for at in range(start, len(DATA), 50_000):
            request.wfile.write(DATA[at : at + 50_000])
            time.sleep(0.02)

    server = serve(slowly)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: fetch_file(published(server.url)), range(4))) == {target}
    assert target.read_bytes() == DATA
    assert len(server.asked) == 1


def test_a_cache_that_cannot_be_written_is_reported(
    serve: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LATENTDX_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match="cannot be written .*LATENTDX_CACHE") as caught:
        fetch_file(published(serve(well).url))
    assert type(caught.value) is DataError


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(DataMissingError, match=r"no file 'data/x'.*corpora/learnfm/compact\.bin"):
        fetch("data/x")


# -- search for data -----------------------------------------------------------------------------------------


def test_data_of_a_checkout_are_never_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "fetch_file", lambda file: pytest.fail(f"fetched {file.name}"))
    assert data_path("checkpoints", "num.safetensors") == ROOT / "data/checkpoints/num.safetensors"
    assert data_path("results", "none.csv") == ROOT / "data/results/none.csv"
    assert is_here("results", "summary.json") and not is_here("results", "none.csv")


@pytest.fixture
def installed(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Server:
    """An installed package that carries one file, and a server with another one and an archive."""
    carried = tmp_path / "package/index"
    carried.mkdir(parents=True)
    (carried / "starter.safetensors").write_bytes(b"carried")
    results = io.BytesIO()
    with zipfile.ZipFile(results, "w") as archive:
        archive.writestr("summary.json", "{}")
        archive.writestr("listen/0.flac", "sound")
    files = {"data/index/learnfm.safetensors": b"fetched", "data/results.zip": results.getvalue()}

    def by_order(request: Handler, start: int) -> None:
        body = files[f"data/{request.path.removeprefix('/')}"]
        request.begin(0, body, len(body))
        request.wfile.write(body)

    server = serve(by_order)
    base = server.url.removesuffix("/corpus.bin")
    entries = {
        name: published(f"{base}/{name.removeprefix('data/')}", data, name) for name, data in files.items()
    }
    monkeypatch.setattr(registry, "checkout", lambda: None)
    monkeypatch.setattr(registry, "_bundled", lambda: tmp_path / "package")
    monkeypatch.setattr(registry, "registry", lambda: entries)
    return server


def test_files_in_the_package_are_not_downloaded(installed: Server) -> None:
    assert data_path("index", "starter.safetensors").read_bytes() == b"carried"
    assert is_here("index", "starter.safetensors") and installed.asked == []


def test_other_published_files_are_downloaded_into_the_cache_once(
    installed: Server, empty_cache: Path
) -> None:
    assert not is_here("index", "learnfm.safetensors")
    for _ in range(2):
        found = data_path("index", "learnfm.safetensors")
        assert found == empty_cache / "data/index/learnfm.safetensors" and found.read_bytes() == b"fetched"
    assert is_here("index", "learnfm.safetensors") and len(installed.asked) == 1


def test_a_folder_is_downloaded_as_an_archive(installed: Server, empty_cache: Path) -> None:
    assert data_path("results", "summary.json").read_text() == "{}"
    assert data_path("results", "listen", "0.flac").read_text() == "sound"
    assert data_path("results") == empty_cache / "data/results" and len(installed.asked) == 1


def test_the_path_of_an_unknown_file_is_in_the_cache(installed: Server, empty_cache: Path) -> None:
    assert data_path("index", "other.safetensors") == empty_cache / "data/index/other.safetensors"
    assert installed.asked == []


def test_the_cache_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LATENTDX_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("LATENTDX_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder().name == "latentdx"


def test_sha256_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(DATA)
    assert sha256_of(tmp_path / "data") == SHA
