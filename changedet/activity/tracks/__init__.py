"""Rail-yard mode: what stands on every track, before and after."""
