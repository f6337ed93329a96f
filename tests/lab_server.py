"""A JupyterLab for tests in a browser, with its own settings and without calls home."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page

TOKEN = "for-this-test-only"
SETTINGS = {
    # otherwise a dialog covers the buttons
    "notification": {"fetchNews": "false", "checkForUpdates": False},
    # a press waits for the cells that run, as it does wherever a kernel has no second thread for widgets
    "kernels-settings": {"commsOverSubshells": "disabled"},
}


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder, which must be empty but for notebooks; the address of the server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    homes = {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    settings = folder / "config/lab/user-settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True)
    for name, values in SETTINGS.items():
        (settings / f"{name}.jupyterlab-settings").write_text(json.dumps(values))
    options = [
        "--no-browser",
        *(["--allow-root"] if os.geteuid() == 0 else []),
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        f"--ServerApp.root_dir={folder}",
        f"--IdentityProvider.token={TOKEN}",
    ]
    log = folder / "server.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env=os.environ | homes | {"LATENTDX_DATA": str(folder)},
            stdout=output,
            stderr=output,
        )
    try:
        yield _address(server, folder / "runtime", log)
    finally:
        server.terminate()  # which ends its kernels
        server.wait(30)


def _address(server: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    """Wait until the server answers and return its address."""
    info = runtime / f"jpserver-{server.pid}.json"
    for _ in range(600):
        assert server.poll() is None, log.read_text("utf8")
        if info.exists() and info.stat().st_size:
            return str(json.loads(info.read_text("utf8"))["url"])
        time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start within a minute:\n{log.read_text('utf8')}")


def open_notebook(page: Page, lab: str, name: str) -> None:
    """Open a notebook of the folder and wait for its kernel."""
    page.goto(f"{lab}lab/tree/{name}?token={TOKEN}")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.get_by_text("| Idle").wait_for()
