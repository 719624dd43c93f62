"""How tile tasks run, and where rasters live that are too large for memory."""

from changedet.engines.running import ENGINES, Engine, check_engine, map_ordered
from changedet.engines.scratch import ScratchRaster

__all__ = ["ENGINES", "Engine", "ScratchRaster", "check_engine", "map_ordered"]
