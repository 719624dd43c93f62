"""What the ground shows: its kinds, neighbourhoods and local structure."""
