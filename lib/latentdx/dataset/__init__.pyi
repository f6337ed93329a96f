from .curation import Curation as Curation
from .curation import curate as curate
from .curation import read_curation as read_curation
from .loading import SpectrogramDataset as SpectrogramDataset
from .own_corpus import prepare_corpus as prepare_corpus
from .rendering import render_store as render_store
from .store import Store as Store
from .target_sounds import TargetSound as TargetSound

__all__ = [
    "Curation",
    "SpectrogramDataset",
    "Store",
    "TargetSound",
    "curate",
    "prepare_corpus",
    "read_curation",
    "render_store",
]
