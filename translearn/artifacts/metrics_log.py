"""metrics.jsonl: a line per evaluation and log point."""

import json
from pathlib import Path
from typing import Any

from translearn.artifacts.trackers import GuardedTracker


class MetricsLog:
    """One JSON object a line, flushed at once; rank 0 alone writes.

    Args:
        path: the file; lines behind ``offset`` are cut off.
        offset: bytes to keep, as recorded in the checkpoint that the run continues from.
        active: whether this process writes.
        tracker: gets every line too.
    """

    def __init__(
        self, path: Path, offset: int, active: bool, tracker: GuardedTracker | None = None
    ) -> None:
        self.path, self.active, self.offset, self.tracker = path, active, offset, tracker
        if active:
            with open(path, "ab") as file:
                file.truncate(offset)

    def write(self, **values: Any) -> None:
        """Append one line."""
        if not self.active:
            return
        line = (json.dumps(values) + "\n").encode()
        with open(self.path, "ab") as file:
            file.write(line)
        self.offset += len(line)
        if self.tracker is not None:
            self.tracker.log(values)
