"""data.json in a run folder: what the run reads, so that it is never continued on other data."""

import json
from pathlib import Path

from translearn.artifacts.atomic import write_atomic
from translearn.artifacts.folder import CONTENTS, of_a_run, refuse_differences
from translearn.data.contents import Contents, changes, fingerprint
from translearn.system import reading

MOST_BYTES = 2**28  # a million files


def refuse_changed(folder: Path, contents: Contents) -> None:
    """Refuse to continue a run whose data have changed; one without a record is left alone.

    Raises:
        CheckpointError: they have, or the record is broken.
    """
    path = folder / CONTENTS
    if not path.exists():
        return
    with of_a_run(path):
        lines = list(changes(reading.json_value(path, MOST_BYTES)["tasks"], contents))
    refuse_differences(folder, lines, "its data have changed", "bring the data back")


def keep_contents(folder: Path, contents: Contents) -> str:
    """Write down what a run reads, as it begins; returns its fingerprint."""
    found = fingerprint(contents)
    if not (folder / CONTENTS).exists():
        record = {"fingerprint": found, "tasks": contents}
        write_atomic(folder / CONTENTS, (json.dumps(record, indent=1) + "\n").encode())
    return found
