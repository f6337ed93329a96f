"""Functions that the chapters call; each module serves the chapter or section that it is named after."""

__all__ = [
    "artifact_claims",
    "artifact_costs",
    "costs",
    "interpolation",
    "interpolation_results",
    "latent_map",
    "model_card_list",
    "multiple_notes",
    "network_diagram",
    "out_of_domain",
    "own_sound",
    "own_sound_widgets",
    "package_layout",
    "presentation",
    "programming",
    "results",
    "templates",
    "trained_models",
    "training_curves",
    "widget_panels",
]
