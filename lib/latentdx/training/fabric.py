"""Lightning Fabric, on which training runs on one device or on many."""

from latentdx.extras import needs_extra

with needs_extra("train"):
    from lightning_fabric import Fabric

__all__ = ["Fabric"]
