"""The recipe: the only place that knows the order of the steps."""

from changedet.pipeline.inspecting import Inspection, align, align_stack, inspect
from changedet.pipeline.linking import link
from changedet.pipeline.monitoring import monitor
from changedet.pipeline.recipe import detect
from changedet.pipeline.scenes import simulate
from changedet.pipeline.selftesting import selftest
from changedet.pipeline.stepwise import activity, objects, score
from changedet.pipeline.verifying import verify

__all__ = [
    "Inspection",
    "activity",
    "align",
    "align_stack",
    "detect",
    "inspect",
    "link",
    "monitor",
    "objects",
    "score",
    "selftest",
    "simulate",
    "verify",
]
