"""Files on interpolation, read together, from which `latentdx.display` makes tables and figures."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latentdx.applications.interpolate import DEFAULT_MODEL
from latentdx.evaluation import interpolation, path_examples, statistics
from latentdx.evaluation.interpolation import MEASURES, PairResult
from latentdx.evaluation.path_examples import PathExamples
from latentdx.evaluation.result_data import NotMeasuredError
from latentdx.registry import data_path

PAPER = ("latent", "naive")
"""Methods on the paper's page."""

COMMAND = "latentdx evaluate interpolation"
"""Command that makes the files."""


@dataclass(frozen=True)
class InterpolationData:
    """Files on interpolation that exist.

    Attributes:
        folder: Folder of the files.
        page: Paths between the two pairs of the paper's page; `None` where there are none.
        result: Measures over many pairs of the test set; `None` where there are none.
        checkpoint: Checkpoint that the files should belong to.
    """

    folder: Path
    page: PathExamples | None
    result: PairResult | None
    checkpoint: Path

    @classmethod
    def read(
        cls, folder: str | Path = "", model: str = DEFAULT_MODEL, checkpoint: str | Path = ""
    ) -> "InterpolationData":
        """Read the files of one model.

        Args:
            folder: Folder of the files; default `data/interpolation`.
            model: Name of the model whose result is read.
            checkpoint: Checkpoint that the files should belong to; default the shipped one of that model.
        """
        place = Path(folder) if folder else data_path(interpolation.FOLDER)
        results = {r.provenance.model.split("-on-")[0]: r for r in interpolation.read_results(place)}
        file = Path(checkpoint) if checkpoint else data_path("checkpoints", f"{model}.safetensors")
        return cls(place, path_examples.read(place), results.get(model), file)

    def measured(self) -> PairResult:
        """Return the result over many pairs.

        Raises:
            NotMeasuredError: There is no result.
        """
        if self.result is None:
            raise NotMeasuredError(
                f"No paths between presets of the test set have been measured yet. `{COMMAND}` measures them."
            )
        return self.result

    def examples(self) -> PathExamples:
        """Return the paths between the two pairs of the paper's page.

        Raises:
            NotMeasuredError: There are none.
        """
        if self.page is None:
            raise NotMeasuredError(
                f"The paths of this page have not been rendered yet. `{COMMAND}` renders them; it needs the "
                "corpus and a model."
            )
        return self.page

    def ours(self) -> str | None:
        """Return the method that beats both of the paper's by all three measures.

        It must do so by paired tests and by means. Of several methods the smoothest is returned; `None` where
        there is none, or no result.
        """
        if self.result is None:
            return None
        better = set(self.result.provenance.methods) - set(PAPER)
        for measure in MEASURES:
            scores = self.result.scores(measure)
            means = {name: np.nanmean(values) for name, values in scores.items()}
            beaten: dict[str, set[str]] = {name: set() for name in scores}
            for c in interpolation.comparisons(self.result, measure):
                if c.lower and c.p < statistics.SIGNIFICANCE:
                    beaten[c.lower].add(c.b if c.lower == c.a else c.a)
            better &= {
                name
                for name in better
                if set(PAPER) <= beaten[name] and all(means[name] < means[p] for p in PAPER)
            }
        smooth = {
            name: np.nanmean(v) for name, v in self.result.scores(MEASURES[0]).items() if name in better
        }
        return min(smooth, key=smooth.__getitem__, default=None)
