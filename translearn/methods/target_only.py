"""The upper reference: learn from the target's own labels."""

from translearn.data.domain import Access
from translearn.methods.source_only import SourceOnly


class TargetOnly(SourceOnly):
    """Cross-entropy on the labelled target: the oracle row when all labels are used."""

    access = Access(source_labels=False, target_labels=True)
    learns_from = "target"
