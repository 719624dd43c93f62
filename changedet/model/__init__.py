"""The nouns of the package: plain immutable values, no input or output."""

from changedet.model.alignment import Alignment, Grade, Lattice
from changedet.model.changes import (
    CHANGES,
    COLUMNS,
    CUTS,
    EXPLANATIONS,
    KINDS,
    Appearance,
    ChangeTable,
)
from changedet.model.grid import GSD_TOLERANCE, WGS84, Grid, Window
from changedet.model.history import (
    ALL_TRACKS,
    COMPARED_WITH,
    MEASURES,
    HistoryDate,
    Observation,
    SiteHistory,
    day_number,
)
from changedet.model.image import (
    DOMAINS,
    SAR_ROLES,
    SPECTRAL_ROLES,
    Domain,
    Image,
    ImageInfo,
)
from changedet.model.linked import LaggedCorrelation
from changedet.model.monitor import MonitoredDate, MonitorReport
from changedet.model.pair import Comparability, ImagePair, PairReader
from changedet.model.raster import RasterWindows
from changedet.model.report import ChangeReport
from changedet.model.score import ScoreMap
from changedet.model.selftest import (
    SEEN_SHARE,
    DetectionCurve,
    DetectionRate,
    PlantedTarget,
    SelfTest,
    TargetType,
)
from changedet.model.tracks import TrackActivity
from changedet.model.trees import Trees, as_trees, read_learnt
from changedet.model.zones import Places, ZoneActivity

__all__ = [
    "ALL_TRACKS",
    "CHANGES",
    "COLUMNS",
    "COMPARED_WITH",
    "CUTS",
    "DOMAINS",
    "EXPLANATIONS",
    "GSD_TOLERANCE",
    "KINDS",
    "MEASURES",
    "SAR_ROLES",
    "SEEN_SHARE",
    "SPECTRAL_ROLES",
    "WGS84",
    "Alignment",
    "Appearance",
    "ChangeReport",
    "ChangeTable",
    "Comparability",
    "DetectionCurve",
    "DetectionRate",
    "Domain",
    "Grade",
    "Grid",
    "HistoryDate",
    "Image",
    "ImageInfo",
    "ImagePair",
    "LaggedCorrelation",
    "Lattice",
    "MonitorReport",
    "MonitoredDate",
    "Observation",
    "PairReader",
    "Places",
    "PlantedTarget",
    "RasterWindows",
    "ScoreMap",
    "SelfTest",
    "SiteHistory",
    "TargetType",
    "TrackActivity",
    "Trees",
    "Window",
    "ZoneActivity",
    "as_trees",
    "day_number",
    "read_learnt",
]
