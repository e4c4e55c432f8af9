"""data.json in a run folder: what the run reads, so that it is never continued on other data."""

import json
from pathlib import Path
from typing import Any

from translearn.artifacts.atomic import write_atomic
from translearn.artifacts.folder import CONTENTS, of_a_run
from translearn.data.contents import Contents, changes, fingerprint
from translearn.errors import CheckpointError
from translearn.system import reading

MOST_BYTES = 2**28  # a million files
MOST_TOLD = 3


def keep_contents(folder: Path, contents: Contents) -> None:
    """Write down what a run reads; compare it, where the run goes on.

    Raises:
        CheckpointError: the data have changed since the run began, or the file is broken.
    """
    path = folder / CONTENTS
    if not path.exists():
        record: dict[str, Any] = {"fingerprint": fingerprint(contents), "tasks": contents}
        write_atomic(path, (json.dumps(record, indent=1) + "\n").encode())
        return
    with of_a_run(path):
        lines = list(changes(reading.json_value(path, MOST_BYTES)["tasks"], contents))
    if lines:
        more = f" (and {len(lines) - MOST_TOLD} more)" if len(lines) > MOST_TOLD else ""
        shown = "\n".join(f"  {line}" for line in lines[:MOST_TOLD])
        raise CheckpointError(
            f"{folder} cannot be continued: its data have changed{more}\n{shown}\n"
            "bring the data back, or start a new run without run.resume"
        )
