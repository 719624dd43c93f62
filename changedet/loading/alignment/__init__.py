"""Alignment: from two images to a motion with an error, or a refusal."""
