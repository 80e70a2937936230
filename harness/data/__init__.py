"""Records, where they come from, and how they are split. Light to import: heavy libraries load on use."""

from harness.data.loading import load
from harness.data.plant import PLANTED, SIGNATURES, plant_attribute
from harness.data.record import Record, Span, content_hash, content_id, distinct, make, records, to_dataset
from harness.data.sources import SOURCES
from harness.data.split import SPLITS, Splits, assert_disjoint, draw

__all__ = [
    "PLANTED",
    "SIGNATURES",
    "SOURCES",
    "SPLITS",
    "Record",
    "Span",
    "Splits",
    "assert_disjoint",
    "content_hash",
    "content_id",
    "distinct",
    "draw",
    "load",
    "make",
    "plant_attribute",
    "records",
    "to_dataset",
]
