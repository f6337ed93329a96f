"""Test that an evaluation removes only sounds of its own earlier runs."""

import json
from pathlib import Path

from latentdx.evaluation.sound_folders import remove_sounds


def test_only_sounds_that_the_manifest_names_are_removed(tmp_path: Path) -> None:
    manifest = tmp_path / "sounds.json"
    for name in ("0-1.flac", "a b.ä.flac", "mine.flac"):
        (tmp_path / name).touch()
    remove_sounds(manifest)
    assert len(list(tmp_path.iterdir())) == 3
    steps = [{"file": "0-1.flac"}, {"file": "a b.ä.flac"}, {"file": "gone.flac"}, {"file": ""}]
    manifest.write_text(json.dumps({"journeys": [{"steps": steps}]}, indent=1, ensure_ascii=False), "utf-8")
    remove_sounds(manifest)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.flac", "sounds.json"]
