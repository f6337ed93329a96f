"""Put the data files that the package carries into the wheel and the sdist.

In a checkout they lie in `data/`; in an sdist, which leaves that folder out, they lie in the package already.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUNDLED = (
    "checkpoints/latentdx.safetensors",
    "index/starter.safetensors",
    "results/closeness.json",
    "starter",
)


class DataHook(BuildHookInterface):
    """Adds the bundled files."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        package = "lib/latentdx" if self.target_name == "sdist" else "latentdx"
        if version == "editable":
            return
        for name in BUNDLED:
            if (Path(self.root) / "data" / name).exists():
                build_data["force_include"][f"data/{name}"] = f"{package}/data/{name}"
