"""Zones, tracks, roads and areas of interest."""
