"""Pixels of one image: files and other sources, what they hold, and laying them on a grid."""
