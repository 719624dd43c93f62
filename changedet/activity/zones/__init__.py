"""Zones: counts, areas, the share that changed and the activity score, with intervals."""
