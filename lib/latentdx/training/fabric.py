"""Import of Lightning Fabric, which runs the training on one device or on many."""

from latentdx.errors import DevicesError
from latentdx.extras import needs_extra

with needs_extra("train"):
    from lightning_fabric import Fabric
    from lightning_fabric.utilities.rank_zero import rank_zero_only

__all__ = ["Fabric", "make_fabric", "rank_zero_only"]


def make_fabric(devices: str | int = "auto") -> Fabric:
    """Return the devices of a run; under ``fabric run``, those of its options.

    Args:
        devices: Number of devices; "auto" takes every GPU, or else the processor.

    Raises:
        DevicesError: This machine does not have these devices.
    """
    try:
        return Fabric(devices=devices)
    except (RuntimeError, TypeError, ValueError) as error:
        raise DevicesError(f"devices {devices}: {error}") from error
