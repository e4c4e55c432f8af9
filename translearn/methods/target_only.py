"""The upper reference: learn from the target's own labels."""

from translearn.data.access import Access
from translearn.methods.source_only import SourceOnly


class TargetOnly(SourceOnly):
    """Cross-entropy on the labelled target: the oracle row when all labels are used."""

    access = Access(source_labels=False, target_labels=True)
    learns_from = "target"

    def outputs(self) -> int:
        """The number of the target's classes; the source may have others."""
        return len(self.tasks["target"])

    def predicts(self, task: str) -> bool:
        """Whether the task has the target's classes."""
        return self.tasks[task] == self.tasks["target"]
