"""data.json in a run folder: what the run reads, so that it is never continued on other data."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from translearn.artifacts.atomic import write_atomic
from translearn.artifacts.folder import (
    CONTENTS,
    RECORD,
    of_a_run,
    refuse_differences,
    remember_moves,
    stored_config,
)
from translearn.artifacts.model import MODEL
from translearn.config import Config
from translearn.data.contents import Contents, changes, contents, digests_of, fingerprint
from translearn.data.files.compared import digests
from translearn.data.files.listing import Listing
from translearn.data.identity import MOST_BYTES, Held, held
from translearn.data.places import below_root, is_option, there
from translearn.data.types import TaskSet
from translearn.errors import ConfigError
from translearn.settings import flatten
from translearn.system import reading
from translearn.system.problems import expanded


@dataclass(frozen=True)
class DataRecord:
    """What a run reads.

    Attributes:
        tasks: what it reads of each task, cut and drawn by its seeds.
        places: key of each place -> what it holds, whatever the seeds.
        models: option -> sha256 of the file that it names: weights, a model, descriptions.
    """

    tasks: Contents
    places: Mapping[str, Held]
    models: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """One digest of all that is read."""
        return fingerprint(self.tasks)


def data_record(tasks: TaskSet, config: Config, most: int | None, seed: int) -> DataRecord:
    """What a run is about to read, before its files are decoded.

    Args:
        tasks: of the run.
        config: names the places.
        most: files of each split that the run reads, drawn by ``seed``; None: all.
        seed: of the run.
    """
    found = listed_places(tasks, config)
    places = {key: held(listing, place) for key, (listing, place) in found.items()}
    return DataRecord(contents(tasks, most, seed), places, models(config))


def listed_places(tasks: TaskSet, config: Config) -> dict[str, tuple[Listing, Path]]:
    """Key of each place that was read -> what was found there, and where it is."""
    found: dict[str, tuple[Listing, Path]] = {}
    for name, listing in tasks.listings.items():
        key = key_of(name, listing.folder, config)
        place = None if key is None else there(key, config)
        if key is not None and place is not None:
            before = found.get(key)
            found[key] = (listing.joined(before[0]) if before else listing, place)
    for key in tasks.origins:
        place = there(key, config)
        if place is not None and place.is_file():
            found[key] = (Listing(place.parent, ()), place)
    return found


def key_of(name: str, folder: Path, config: Config) -> str | None:
    """The key of a folder: the set's own place, the option of a set by name, or below the root."""
    real = folder.resolve()
    for key in (name, "folder"):
        place = there(key, config)
        if place is not None and real in (place.resolve(), place.resolve().parent):
            return key
    return below_root(folder, config)


def models(config: Config) -> dict[str, str]:
    """Option -> sha256 of the file that it names, of all but the data."""
    parts = {name: config.get(name) or {} for name in ("method", "backbone", "semantics")}
    texts = {key: value for key, value in flatten(parts).items() if isinstance(value, str)}
    paths = {key: expanded(value) for key, value in texts.items()}
    files = {k: path / MODEL if path.is_dir() else path for k, path in paths.items()}
    known = digests([path for path in files.values() if path.is_file()])
    return {key: known[path][1] for key, path in files.items() if path in known}


def refuse_learned_test(init: str, record: DataRecord) -> None:
    """Refuse an earlier run whose source images are test images now.

    Files are known by their content; what is in memory is cut alike by ``data.split_seed``. The
    target's images were hidden from it, or are all of the test in a transductive protocol.

    Raises:
        CheckpointError: its record is broken.
        ConfigError: it did.
    """
    path = expanded(init) / CONTENTS
    if not path.is_file():
        return
    with of_a_run(path):
        tasks = reading.json_value(path, MOST_BYTES)["tasks"]
        theirs = digests_of({k: v for k, v in tasks.items() if k == "source"}, ("train",))
    both = theirs & digests_of(record.tasks, ("test",))
    if both:
        raise ConfigError(
            f"method.init={init} learned from {len(both)} images that are test images here\n"
            "use the data and the data.split_seed of that run, or train it anew"
        )


def refuse_changed(folder: Path, record: DataRecord) -> None:
    """Refuse to continue a run whose data have changed; one without a record is left alone.

    Raises:
        CheckpointError: they have, or the record is broken.
    """
    path = folder / CONTENTS
    if not path.exists():
        return
    with of_a_run(path):
        before = reading.json_value(path, MOST_BYTES)
        lines = list(changes(before["tasks"], record.tasks))
        known = before.get("models", {})
        lines += [f"{k}: another file" for k, v in record.models.items() if known.get(k, v) != v]
    refuse_differences(folder, lines, "its data have changed", "bring the data back")


def keep_record(folder: Path, record: DataRecord, config: Config) -> None:
    """Write down what a run reads, as it begins; as it goes on, where its data have moved to."""
    if not (folder / CONTENTS).exists():
        parts = {"tasks": record.tasks, "places": record.places, "models": record.models}
        text = json.dumps({"fingerprint": record.fingerprint, **parts}, indent=1)
        write_atomic(folder / CONTENTS, (text + "\n").encode())
    elif (folder / RECORD).is_dir():  # that of a command, which can be told again
        stored, keys = stored_config(folder), [key for key in record.places if is_option(key)]
        now = {key: there(key, config) for key in keys}
        moved = {f"data.{key}": path for key, path in now.items() if path != there(key, stored)}
        remember_moves(folder, moved)
