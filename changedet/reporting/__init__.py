"""Writers: vector files, cloud-optimised GeoTIFFs, pictures, the HTML page, the manifest."""

from changedet.reporting.alignment_figure import alignment_figure
from changedet.reporting.cog import write_cog
from changedet.reporting.figure import change_figure
from changedet.reporting.geojson import write_features
from changedet.reporting.images import write_image
from changedet.reporting.pictures import quicklooks, stretch_pair
from changedet.reporting.selftest import write_selftest
from changedet.reporting.selftest_figure import selftest_figure
from changedet.reporting.selftest_text import sentences as selftest_sentences
from changedet.reporting.vectors import VECTOR_FORMATS, choose_formats
from changedet.reporting.verify import Verification, compare_folders, verify_folder
from changedet.reporting.write import write_report

__all__ = [
    "VECTOR_FORMATS",
    "Verification",
    "alignment_figure",
    "change_figure",
    "choose_formats",
    "compare_folders",
    "quicklooks",
    "selftest_figure",
    "selftest_sentences",
    "stretch_pair",
    "verify_folder",
    "write_cog",
    "write_features",
    "write_image",
    "write_report",
    "write_selftest",
]
