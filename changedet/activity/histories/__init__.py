"""Series of many dates: whether a date is unusual for its site."""
