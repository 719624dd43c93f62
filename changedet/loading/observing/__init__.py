"""Where a change could be seen, and whether two images can be compared."""
