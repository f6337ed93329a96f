"""Assemble what a release publishes in addition to the wheel: files and archives of `data/`, and checksums.

`python -m latentdx_book.build.release --version` copies version and date of the change log's newest section
to the files that repeat them. `--registry` rewrites `lib/latentdx/registry.json` from `data/` and the version
installed. Without an option, the files that the registry names are written to `build/release`, with
SHA256SUMS. The same data give the same bytes. `make version` and `make release` call it.
"""

import argparse
import hashlib
import io
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

import latentdx
from latentdx.registry import REPOSITORY, RemoteFile, registry

DATA = Path("data")
REGISTRY = Path("lib/latentdx/registry.json")
BUNDLED = (
    "checkpoints/latentdx.safetensors",
    "index/starter.safetensors",
    "results/closeness.json",
    "starter",
)
"""Files and folders of `data/` that the wheel itself contains; `hatch_build.py` lists the same."""

ARCHIVES = ("curation", "targets", "results", "interpolation")
"""Folders of `data/` that are published as one archive each."""

REPEATED = {
    "pyproject.toml": {r'^(version = ").*(")$': "version"},
    "CITATION.cff": {r"^(version: ).*()$": "version", r"^(date-released: ).*()$": "date"},
    "codemeta.json": {r'^(  "version": ").*(",)$': "version", r'^(  "dateModified": ").*(",)$': "date"},
}
"""Files that repeat the version or date -> the line of each, with what stands before and after it."""

_LICENSE = "GPL-3.0-or-later"
_LICENSES = {"targets": f"{_LICENSE}; the sounds in ood/ carry their own notices, see the README inside"}
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a ZIP archive can hold


def archive(folder: Path) -> bytes:
    """Return a folder as an uncompressed ZIP archive, with the same bytes each time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            member = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
            member.create_system, member.external_attr = 3, 0o644 << 16
            file.writestr(member, path.read_bytes())
    return buffer.getvalue()


def assets() -> Iterator[tuple[str, bytes, str]]:
    """Yield the name in the registry, content and license of every file of a release."""
    singles = [*DATA.glob("checkpoints/*.safetensors"), *DATA.glob("index/*.safetensors")]
    for path in sorted(singles):
        if path.relative_to(DATA).as_posix() not in BUNDLED:
            yield path.as_posix(), path.read_bytes(), _LICENSE
    for name in ARCHIVES:
        yield f"data/{name}.zip", archive(DATA / name), _LICENSES.get(name, _LICENSE)


def asset_name(name: str) -> str:
    """Return the name that a file of the registry has in a release, which has no folders.

    >>> asset_name("data/checkpoints/num.safetensors")
    'checkpoints-num.safetensors'
    """
    return name.removeprefix("data/").replace("/", "-")


def released() -> list[RemoteFile]:
    """Return the registry's entries for this version's release."""
    base = f"{REPOSITORY}/releases/download/v{latentdx.__version__}"
    return [
        RemoteFile(
            name,
            f"{base}/{quote(asset_name(name))}",
            hashlib.sha256(content).hexdigest(),
            len(content),
            license,
        )
        for name, content, license in assets()
    ]


def newest(changes: str) -> dict[str, str]:
    """Return the version and date of the newest section of the change log; exit if its heading has none.

    >>> newest("# Changelog\\n\\n## 0.2.0 (2026-11-29)\\n")
    {'version': '0.2.0', 'date': '2026-11-29'}
    """
    heading = re.search(r"^## (.*)$", changes, re.MULTILINE)
    found = re.fullmatch(r"(\d+\.\d+\.\d+) \((\d{4}-\d{2}-\d{2})\)", heading[1] if heading else "")
    if found is None:
        shown = heading[0] if heading else "no section"
        sys.exit(f"CHANGELOG.md must begin with a section such as '## 0.3.0 (2027-01-31)', but has {shown!r}")
    return {"version": found[1], "date": found[2]}


def write_version(root: Path = Path()) -> None:
    """Copy the version and date of the newest section of the change log to the files that repeat them."""
    facts = newest((root / "CHANGELOG.md").read_text("utf8"))
    for name, lines in REPEATED.items():
        text = (root / name).read_text("utf8")
        for line, fact in lines.items():
            text, times = re.subn(line, rf"\g<1>{facts[fact]}\g<2>", text, flags=re.MULTILINE)
            if times != 1:
                sys.exit(f"{name} has {times} lines for the {fact}; it should have one like {line}")
        (root / name).write_text(text, encoding="utf-8")
    print("Version {version} of {date}".format(**facts))


def write_registry() -> None:
    """Write the release's files into the registry and keep its other entries."""
    others = [file for file in registry().values() if not file.name.startswith("data/")]
    entries = [asdict(file) for file in (*others, *released())]
    REGISTRY.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_assets(folder: Path) -> None:
    """Write the release's files and SHA256SUMS; exit if the registry does not list exactly these files."""
    published = {file.name: file for file in released()}
    listed = {name: file for name, file in registry().items() if name.startswith("data/")}
    if listed != published:
        sys.exit("the registry does not match this data and version: run with --registry and commit it")
    folder.mkdir(parents=True, exist_ok=True)
    for name, content, _ in assets():
        (folder / asset_name(name)).write_bytes(content)
    sums = [f"{file.sha256}  {asset_name(name)}\n" for name, file in published.items()]
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")


def main() -> None:
    """Assemble a release's files."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--version", action="store_true", help="copy the change log's version and nothing else"
    )
    parser.add_argument("--registry", action="store_true", help="rewrite the registry and nothing else")
    parser.add_argument("--out", type=Path, default=Path("build/release"), help="folder for the files")
    options = parser.parse_args()
    if options.version:
        write_version()
    elif options.registry:
        write_registry()
    else:
        write_assets(options.out)


if __name__ == "__main__":
    main()
