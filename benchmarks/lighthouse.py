"""Measure Lighthouse's four scores for every page of the site, on a desktop and on a phone.

    make site && python benchmarks/lighthouse.py        # needs Chromium, and npm, which fetches Lighthouse

It writes data/benchmarks/lighthouse.json and takes ten minutes.

The site is served as a static host would: under a sub-path, with compressed text, cacheable for ten minutes.
"""

import argparse
import gzip
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from tqdm import tqdm

from latentdx.evaluation.benchmark_files import write_benchmark
from latentdx.registry import data_path

LIGHTHOUSE = "lighthouse@12.8.2"
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
FORMS = {"desktop": ("--preset=desktop",), "mobile": ()}
PREFIX = "/latentdx/"
TEXT = {".html", ".css", ".js", ".svg", ".json"}


def chromium() -> str | None:
    """Find Chromium, on the path or as CHROMIUM names it."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@contextmanager
def served(site: Path) -> Iterator[str]:
    """Serve the site while the context lasts, and yield the address of its root."""

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            path = site / self.path.partition("?")[0].removeprefix(PREFIX)
            if not self.path.startswith(PREFIX) or not path.is_file():
                self.send_error(404)
                return
            content = path.read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", self.guess_type(path))
            self.send_header("Cache-Control", "max-age=600")
            if path.suffix in TEXT:
                content = gzip.compress(content)
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
    finally:
        server.shutdown()


def built_from(site: Path) -> str:
    """Read the commit and the profile that the site was built from."""
    found = re.search(r'class="build">Built from (.*?)\.</p>', (site / "book/index.html").read_text("utf8"))
    assert found
    return found[1]


def scores(address: str, form: str) -> dict[str, Any]:
    """Measure one page on one of `FORMS`: the score of each category in percent, and the audits below 90."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        subprocess.run(
            [
                *("npx", "--yes", LIGHTHOUSE, address, "--quiet", *FORMS[form]),
                f"--only-categories={','.join(CATEGORIES)}",
                *("--output=json", f"--output-path={report}"),
                "--chrome-flags=--headless=new --no-sandbox",
            ],
            check=True,
        )
        found = json.loads(report.read_text("utf8"))
    out = {name: round(100 * found["categories"][name]["score"]) for name in CATEGORIES}
    weighted = {a["id"] for c in CATEGORIES for a in found["categories"][c]["auditRefs"] if a["weight"]}
    low = {
        key: round(100 * audit["score"])
        for key, audit in found["audits"].items()
        if key in weighted and audit["score"] is not None and audit["score"] < 0.9
    }
    return {**out, "below 90": low}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument(
        "site",
        type=Path,
        nargs="?",
        default=Path("build/laptop/_build/html"),
        help="folder of the built site (default: %(default)s)",
    )
    site = arguments.parse_args().site
    os.environ.setdefault("CHROME_PATH", chromium() or "")
    names = re.findall(r"(?:root|file): (\S+)", Path("_toc.yml").read_text("utf8"))
    with served(site) as address:
        pages = {
            name: {form: scores(f"{address}{name}.html", form) for form in FORMS}
            for name in tqdm(names, unit="page")
        }
    least = {
        form: {category: min(page[form][category] for page in pages.values()) for category in CATEGORIES}
        for form in FORMS
    }
    measured = {"lighthouse": LIGHTHOUSE, "site": built_from(site), "least": least, "pages": pages}
    write_benchmark(measured, data_path("benchmarks", "lighthouse.json"))


if __name__ == "__main__":
    main()
