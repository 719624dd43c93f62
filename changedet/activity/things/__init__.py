"""Objects of the table as things: kinds, groups, and what moved where."""
