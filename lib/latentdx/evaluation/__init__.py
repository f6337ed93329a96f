"""Evaluation: metrics, anchors, results over a whole test split, and what they add up to."""
