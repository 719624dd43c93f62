"""Detectors: from two images to a statistic that is large where they differ."""
