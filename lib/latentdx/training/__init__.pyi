from .checkpoint import CheckpointHeader as CheckpointHeader
from .profile import Profile as Profile
from .profile import model_names as model_names
from .profile import read_profile as read_profile

__all__ = ["CheckpointHeader", "Profile", "model_names", "read_profile"]
