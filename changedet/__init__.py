"""Satellite before/after change detection."""
