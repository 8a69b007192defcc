"""Training: recipes, the loop that yields events, saves that survive anything."""

from unrolled.training.events import Ended, Event, HeldOut, Measured, Preparing, Sampled, Saved, Started, to_json
from unrolled.training.folder import read_run
from unrolled.training.loop import training
from unrolled.training.recipe import Recipe, overridden, read_recipe, recipe_of, shipped, table_of

__all__ = [
    "Ended",
    "Event",
    "HeldOut",
    "Measured",
    "Preparing",
    "Recipe",
    "Sampled",
    "Saved",
    "Started",
    "overridden",
    "read_recipe",
    "read_run",
    "recipe_of",
    "shipped",
    "table_of",
    "to_json",
    "training",
]
