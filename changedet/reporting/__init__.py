"""Writers: vector files, cloud-optimised GeoTIFFs, pictures, the HTML page, the manifest."""

from changedet.reporting.alignment_figure import alignment_figure
from changedet.reporting.cog import write_cog
from changedet.reporting.figure import change_figure
from changedet.reporting.geojson import write_features
from changedet.reporting.history_files import (
    HISTORY_FORMATS,
    choose_history_formats,
    write_monitor,
)
from changedet.reporting.history_plot import history_figure
from changedet.reporting.images import write_image
from changedet.reporting.pictures import quicklooks, stretch_pair
from changedet.reporting.selftest import write_selftest
from changedet.reporting.selftest_figure import selftest_figure
from changedet.reporting.selftest_text import sentences as selftest_sentences
from changedet.reporting.vectors import VECTOR_FORMATS, choose_formats
from changedet.reporting.verify import Verification, compare_folders, verify_folder
from changedet.reporting.words import words_of
from changedet.reporting.words_history import short_words_of_history, words_of_history
from changedet.reporting.write import write_report

__all__ = [
    "HISTORY_FORMATS",
    "VECTOR_FORMATS",
    "Verification",
    "alignment_figure",
    "change_figure",
    "choose_formats",
    "choose_history_formats",
    "compare_folders",
    "history_figure",
    "quicklooks",
    "selftest_figure",
    "selftest_sentences",
    "short_words_of_history",
    "stretch_pair",
    "verify_folder",
    "words_of",
    "words_of_history",
    "write_cog",
    "write_features",
    "write_image",
    "write_monitor",
    "write_report",
    "write_selftest",
]
