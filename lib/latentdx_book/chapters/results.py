"""Chapter "Results": the tables and figures of `latentdx.display` as HTML, and listening rows."""

from latentdx.display import (
    condition_tables,
    listener_agreement,
    published_tables,
    result_comparisons,
    result_figures,
    result_tables,
)
from latentdx.display.html import HTML
from latentdx.display.listening_rows import Clip, row
from latentdx.display.table_formats import number
from latentdx.evaluation import listening_examples
from latentdx.evaluation.result_data import NotMeasuredError, ResultData
from latentdx.metrics.registry import METRICS
from latentdx_book.chapters.presentation import shown

results_table = shown(result_tables.results_table)
part_table = shown(result_tables.results_on_part_table)
label_table = shown(result_tables.results_by_label_table)
provenance_table = shown(result_tables.results_provenance_table, scroll=True)
ablations_table = shown(result_tables.ablations_table)
steps_table = shown(result_comparisons.model_comparison_table)
notes_table = shown(result_comparisons.notes_comparison_table)
match_table = shown(result_comparisons.match_comparison_table)
split_table = shown(result_comparisons.split_comparison_table)
skill_table = shown(result_figures.parameter_skill_table, scroll=True)
published_table = shown(published_tables.published_table)
velocity_table = shown(published_tables.published_velocity_table)
level_table = shown(condition_tables.level_table)
held_out_play_table = shown(condition_tables.held_out_play_table)
listeners_table = shown(listener_agreement.listener_agreement_table)
overview_figure = shown(result_figures.results_figure)
skill_figure = shown(result_figures.parameter_skill_figure)
algorithm_figure = shown(result_figures.results_by_algorithm_figure)
samples_figure = shown(result_figures.samples_curve_figure)
match_figure = shown(result_figures.match_curve_figure)
published_figure = shown(result_figures.published_figure)
listeners_figure = shown(listener_agreement.listener_agreement_figure)


def listening_rows(data: ResultData) -> list[HTML]:
    """Render the kept listening examples, one row each: the target, then each answer with its distance."""
    about, found = listening_examples.read_listening(data.folder)
    if not found:
        return [_absent()]
    folder = data.folder / listening_examples.LISTEN
    m = METRICS[listening_examples.METRIC]
    out = []
    for e in found:
        clips = [
            Clip(
                s.audio(folder),
                s.title,
                tuple(f"{METRICS[k].title} {number(v, METRICS[k])}" for k, v in s.metrics.items()),
                paper_sound=s.paper_audio(folder),
            )
            for s in e.sounds
        ]
        place = {50: "median"}.get(e.percentile, f"{e.percentile}th percentile")
        caption = f"Ranked by {m.title} of {about['reference']}."
        out.append(row(clips, f"{e.label.capitalize()}, {place}", caption))
    return out


@shown
def _absent() -> HTML:
    raise NotMeasuredError(
        "No sounds of the test set have been kept yet. `latentdx evaluate listening --best-of 64` makes them."
    )
