"""Import of Lightning Fabric, which runs the training on one device or on many."""

from latentdx.extras import needs_extra

with needs_extra("train"):
    from lightning_fabric import Fabric

__all__ = ["Fabric"]
