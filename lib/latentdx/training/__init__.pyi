from .checkpoint import CheckpointHeader as CheckpointHeader
from .log import LogRow as LogRow
from .loop import train as train
from .profile import Profile as Profile
from .profile import model_names as model_names
from .profile import read_profile as read_profile
from .profile import run_folder as run_folder

__all__ = [
    "CheckpointHeader",
    "LogRow",
    "Profile",
    "model_names",
    "read_profile",
    "run_folder",
    "train",
]
