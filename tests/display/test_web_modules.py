"""Modules as texts, for pages that can't import files."""

import json
import re

from latentdx.display import media


def test_all_that_is_imported_is_there_and_cannot_end_the_script() -> None:
    script = media.web_modules("dock.js")
    found = re.fullmatch(r"window\.ldxModules = (\{.*\});\n", script)
    assert found and "<" not in script
    texts = json.loads(found[1])
    assert {"dock.js", "keyboard.js", "player.js", "voice_link.js"} < set(texts)
    assert {"engine/engine.js", "engine/synth.js", "engine/worklet.js"} < set(texts)
    assert not any("blind" in name or "site" in name for name in texts)


def test_only_comments_are_left_out() -> None:
    for name, text in json.loads(media.web_modules("dock.js")[len("window.ldxModules = ") : -2]).items():
        whole = media.web_asset(name)
        lines = iter(whole.splitlines())
        assert all(line in lines for line in text.splitlines()), name  # in this order
        code = re.sub(r"/\*.*?\*/|//[^\n]*", "", whole, flags=re.DOTALL)
        kept = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)
        assert "".join(code.split()) == "".join(kept.split()), name
        assert len(text) < 0.95 * len(whole)
