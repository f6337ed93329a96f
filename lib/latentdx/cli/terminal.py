"""Output in the encoding of any terminal or pipe."""

import codecs
import io
import os
import sys
import unicodedata
from pathlib import Path

_ALIKE = {
    **dict.fromkeys("–—−‐‑─╴╶", "-"),
    **dict.fromkeys("│╷╵", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼", "+"),
    "→": "->",
    "×": "x",
    "·": ".",
    "≤": "<=",
    "≥": ">=",
}

_HANDLER = "latentdx-alike"
_DEFAULTS = {"strict", "surrogateescape", "backslashreplace"}  # the last is that of stderr


def _alike(error: UnicodeError) -> tuple[str | bytes, int]:
    """Replace a character that an encoding lacks by one that looks like it, or else by a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    if "\udc80" <= character <= "\udcff":  # a byte of a file name that is not text in the system's encoding
        return bytes([ord(character) - 0xDC00]), error.start + 1
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return _ALIKE.get(character) or plain or "?", error.start + 1


def make_output_safe() -> None:
    """Let stdout and stderr accept any text, whatever their encoding, and also if they are closed."""
    codecs.register_error(_HANDLER, _alike)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # `latentdx … 2>&-`
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper) and stream.errors in _DEFAULTS:
            stream.reconfigure(errors=_HANDLER)
