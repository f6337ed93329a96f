"""Downloads against a local server that stalls, truncates, ignores ranges, and serves the wrong bytes."""

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from latentdx.download import cache_folder, download, sha256_of
from latentdx.errors import CorpusCorruptError, CorpusError, CorpusUnreachableError

DATA = np.random.default_rng(7).bytes(300_000)
SHA = hashlib.sha256(DATA).hexdigest()
QUICK = (5.0, 1.0)  # seconds to connect, and between bytes

Behavior = Callable[["Handler", int], None]


class Handler(BaseHTTPRequestHandler):
    """Answers the n-th request as the n-th behavior says, later ones as the last."""

    server: "Server"

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        with self.server.lock:
            behavior = self.server.behaviors[min(len(self.server.asked), len(self.server.behaviors) - 1)]
            self.server.asked.append(asked)
        match = re.fullmatch(r"bytes=(\d+)-", asked or "")
        behavior(self, int(match[1]) if match else 0)

    def begin(self, start: int, body: bytes, total: int | None = None) -> None:
        """Status and headers of a body that starts at `start`."""
        total = len(DATA) if total is None else total
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *behaviors: Behavior) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviors, self.asked, self.lock = behaviors, list[str | None](), threading.Lock()
        self.release = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """Quiet: clients hang up on purpose here."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/corpus.bin"


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """A function (behavior, …) -> running server."""
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


def ignoring_ranges(request: Handler, start: int) -> None:
    well(request, 0)


def failing(status: int) -> Behavior:
    return lambda request, start: request.send_error(status)


def lying(body: bytes) -> Behavior:
    """Serves other bytes, and claims the range that was asked for."""

    def lie(request: Handler, start: int) -> None:
        request.begin(start, body[start:], len(body))
        request.wfile.write(body[start:])

    return lie


def wrong_range(request: Handler, start: int) -> None:
    request.send_response(206)
    request.send_header("Content-Range", f"bytes 0-{len(DATA) - 1}/{len(DATA)}")
    request.send_header("Content-Length", str(len(DATA)))
    request.end_headers()
    request.wfile.write(DATA)


def get(server: Server, target: Path) -> Path:
    return download(server.url, target, sha256=SHA, size=len(DATA), timeout=QUICK)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folder" / "corpus.bin"


def part_of(target: Path) -> Path:
    return target.with_name("corpus.bin.part")


def test_a_plain_download(serve: Callable[..., Server], target: Path) -> None:
    server = serve(well)
    assert get(server, target) == target
    assert target.read_bytes() == DATA
    assert server.asked == [None]
    assert not part_of(target).exists()


def test_what_is_there_is_not_fetched_again(serve: Callable[..., Server], target: Path) -> None:
    server = serve(well)
    get(server, target)
    get(server, target)
    assert len(server.asked) == 1


def test_a_truncated_download_goes_on_at_once(serve: Callable[..., Server], target: Path) -> None:
    server = serve(truncating(102_400), truncating(155_648), well)
    get(server, target)
    assert target.read_bytes() == DATA
    assert server.asked == [None, "bytes=102400-", "bytes=258048-"]


def test_a_stall_with_progress_goes_on_at_once(serve: Callable[..., Server], target: Path) -> None:
    server = serve(stalling(131_072), well)
    get(server, target)
    assert target.read_bytes() == DATA
    assert server.asked[0] is None
    assert len(server.asked) == 2
    assert server.asked[1] == "bytes=131072-"


def test_a_dead_server_is_given_up_and_the_next_call_resumes(
    serve: Callable[..., Server], target: Path
) -> None:
    server = serve(truncating(102_400), failing(503), well)
    with pytest.raises(CorpusUnreachableError, match="503") as caught:
        get(server, target)
    assert f"102,400 of {len(DATA):,} bytes are here" in str(caught.value)
    assert "run the same command again" in str(caught.value)
    assert not target.exists()
    assert part_of(target).read_bytes() == DATA[:102_400]
    get(server, target)
    assert target.read_bytes() == DATA
    assert server.asked == [None, "bytes=102400-", "bytes=102400-"]


def test_a_silent_server_is_given_up_soon(serve: Callable[..., Server], target: Path) -> None:
    server = serve(stalling(0))
    start = time.perf_counter()
    with pytest.raises(CorpusUnreachableError, match="timed out"):
        get(server, target)
    assert time.perf_counter() - start < 5
    assert len(server.asked) == 1
    assert not target.exists()


def test_a_server_that_ignores_ranges_is_read_from_the_start(
    serve: Callable[..., Server], target: Path
) -> None:
    server = serve(truncating(102_400), ignoring_ranges)
    get(server, target)
    assert target.read_bytes() == DATA
    assert server.asked == [None, "bytes=102400-"]


def test_always_the_same_truncation_ends(serve: Callable[..., Server], target: Path) -> None:
    """No ranges and always cut at the same place: no try gets further than the one before."""
    server = serve(lambda request, start: truncating(102_400)(request, 0))
    with pytest.raises(CorpusUnreachableError, match=f"102,400 of {len(DATA):,} bytes"):
        get(server, target)
    assert len(server.asked) == 2


def test_a_dripping_server_ends(serve: Callable[..., Server], target: Path) -> None:
    server = serve(truncating(4096))
    with pytest.raises(CorpusUnreachableError, match="81,920 of"):
        get(server, target)
    assert len(server.asked) == 20


def test_a_wrong_range_is_not_appended(serve: Callable[..., Server], target: Path) -> None:
    server = serve(truncating(102_400), wrong_range)
    with pytest.raises(CorpusUnreachableError, match="wrong range 'bytes 0-"):
        get(server, target)
    assert part_of(target).read_bytes() == DATA[:102_400]


@pytest.mark.parametrize(
    "body",
    [bytes(len(DATA)), DATA[:-1] + b"!", DATA + b"more", DATA * 50],
    ids=["zeros", "byte", "longer", "50x"],
)
def test_wrong_bytes_are_refused_with_both_hashes(
    body: bytes, serve: Callable[..., Server], target: Path
) -> None:
    server = serve(lying(body))
    with pytest.raises(CorpusCorruptError) as caught:
        get(server, target)
    assert SHA in str(caught.value)
    assert len(re.findall(r"\b[0-9a-f]{64}\b", str(caught.value))) == 2
    assert server.url in str(caught.value)
    assert list(target.parent.glob("corpus.bin*")) in ([], [target.with_name("corpus.bin.lock")])
    assert len(server.asked) == 1


def test_a_stale_part_is_thrown_away_once(serve: Callable[..., Server], target: Path) -> None:
    """A part of something else (a login page, say) must not spoil every later try."""
    target.parent.mkdir(parents=True)
    part_of(target).write_bytes(b"<html>please log in</html>")
    server = serve(well)
    get(server, target)
    assert target.read_bytes() == DATA
    assert server.asked == ["bytes=26-", None]


@pytest.mark.parametrize("old", [DATA, DATA + b"too much"], ids=["complete", "too long"])
def test_a_part_that_is_complete_or_too_long(old: bytes, serve: Callable[..., Server], target: Path) -> None:
    target.parent.mkdir(parents=True)
    part_of(target).write_bytes(old)
    server = serve(well)
    get(server, target)
    assert target.read_bytes() == DATA
    assert len(server.asked) == (0 if old == DATA else 1)


@pytest.mark.parametrize("status", [403, 404, 416, 429, 500, 503])
def test_http_errors_are_told_and_not_repeated(
    status: int, serve: Callable[..., Server], target: Path
) -> None:
    server = serve(failing(status))
    with pytest.raises(CorpusUnreachableError, match=f"the server answered {status} "):
        get(server, target)
    assert len(server.asked) == 1
    assert not part_of(target).exists()


def test_a_refused_connection(serve: Callable[..., Server], target: Path) -> None:
    server = serve(well)
    server.shutdown()
    server.server_close()
    with pytest.raises(CorpusUnreachableError, match="refused"):
        get(server, target)


def test_no_such_host(target: Path) -> None:
    with pytest.raises(CorpusUnreachableError, match=r"nowhere\.invalid"):
        download("http://nowhere.invalid/x", target, sha256=SHA, size=1, timeout=QUICK)


def test_a_redirect_is_followed(serve: Callable[..., Server], target: Path) -> None:
    there = serve(well)

    def redirect(request: Handler, start: int) -> None:
        request.send_response(302)
        request.send_header("Location", there.url)
        request.end_headers()

    get(serve(redirect), target)
    assert target.read_bytes() == DATA


def test_two_at_once_take_turns(serve: Callable[..., Server], target: Path) -> None:
    def slowly(request: Handler, start: int) -> None:
        request.begin(start, DATA[start:])
        for at in range(start, len(DATA), 50_000):
            request.wfile.write(DATA[at : at + 50_000])
            time.sleep(0.02)

    server = serve(slowly)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: get(server, target), range(4))) == {target}
    assert target.read_bytes() == DATA
    assert len(server.asked) == 1


def test_a_cache_that_cannot_be_written(serve: Callable[..., Server], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CorpusError, match="cannot be written .*LATENTDX_CACHE") as caught:
        get(serve(well), tmp_path / "file" / "corpus.bin")
    assert type(caught.value) is CorpusError


def test_the_cache_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LATENTDX_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("LATENTDX_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder().name == "latentdx"


def test_sha256_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(DATA)
    assert sha256_of(tmp_path / "data") == SHA
