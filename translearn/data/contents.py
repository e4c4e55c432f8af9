"""What a run reads, known by its content: neither where it lies nor when it was written counts."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from translearn.data.files.compared import digests
from translearn.data.files.images import FileImages
from translearn.data.files.listing import few
from translearn.data.types import Split, TaskSet, drawn

Contents = dict[str, dict[str, Any]]
SPLITS = ("train", "val", "test", "unlabelled")
MOST_NAMED = 3  # files of a kind, in a message


def contents(tasks: TaskSet, most: int | None = None, seed: int = 0) -> Contents:
    """Task -> its classes in order, and for each split its samples, their digest and files.

    Files stand by their path below the folder that all of the task have in common, with the sha256
    of their bytes; what is in memory has one digest of its numbers. Labels count too.

    Args:
        tasks: before their files are decoded.
        most: files of each split that the run reads, drawn by ``seed``; None: all.
        seed: of the run.
    """
    found: Contents = {}
    for task, domain in tasks.tasks.items():
        hidden = None if domain.unlabelled is None else Split(domain.unlabelled, None)
        given = [domain.train, domain.val, domain.test, hidden]
        splits = {
            name: part_of(split, most, seed)
            for name, split in zip(SPLITS, given, strict=True)
            if split is not None
        }
        paths = [p for s in splits.values() if isinstance(s.x, FileImages) for p in s.x.paths]
        known = digests(paths)
        found[task] = {
            "classes": list(domain.classes),
            "splits": {name: of_split(split, known) for name, split in splits.items()},
        }
    return found


def part_of(split: Split, most: int | None, seed: int) -> Split:
    """The part of a split of files that is read."""
    files = isinstance(split.x, FileImages)
    return split.select(drawn(len(split), most, seed)) if files else split


def of_split(split: Split, known: Mapping[Path, tuple[str, str]]) -> dict[str, Any]:
    """A split's samples, in order: how many, the digest of all, and the files if they are some."""
    digest, files = hashlib.sha256(), {}
    if isinstance(split.x, FileImages):
        files = dict(known[path] for path in split.x.paths)
        digest.update(json.dumps(list(files.items())).encode())
    else:
        add(digest, split.x)
    if split.y is not None:
        add(digest, split.y)
    counts = {"samples": len(split), "sha256": digest.hexdigest()}
    lines = [f"{sha256} {name}" for name, sha256 in files.items()]
    return {**counts, "files": "\0".join(lines)} if files else counts


def add(digest: Any, tensor: Tensor) -> None:
    """Count a tensor's type, shape and numbers in."""
    digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
    digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().data)


def fingerprint(found: Contents) -> str:
    """One digest of all."""
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def changes(before: Contents, now: Contents) -> Iterator[str]:
    """What differs, in words: a line for each task, class list and split."""
    for task in sorted(before.keys() | now.keys()):
        if task not in before or task not in now:
            yield f"{task}: {'new' if task in now else 'gone'}"
            continue
        old, new = before[task], now[task]
        gone = [name for name in old["classes"] if name not in new["classes"]]
        added = [name for name in new["classes"] if name not in old["classes"]]
        if gone or added or old["classes"] != new["classes"]:
            yield f"{task}: {told(gone, 'class', 'gone', added) or 'classes in another order'}"
        files, present = listed_files(old), listed_files(new)
        if files != present:  # the cut into splits changes with any of them
            yield f"{task}: {changed_files(files, present)}"
            continue
        for split in sorted(old["splits"].keys() | new["splits"].keys()):
            counts = [its["splits"].get(split, {}).get("samples", 0) for its in (old, new)]
            if counts[0] != counts[1]:
                yield f"{task}/{split}: {counts[0]} samples -> {counts[1]}"
            elif old["splits"].get(split) != new["splits"].get(split):
                yield f"{task}/{split}: other samples or labels"


def changed_files(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """What differs between the files of a task, name -> sha256."""
    gone = [name for name in old if name not in new]
    added = [name for name in new if name not in old]
    other = [name for name in old if name in new and old[name] != new[name]]
    parts = [told(gone, "file", "gone", added), told(other, "file", "changed")]
    return "; ".join(filter(None, parts))


def listed_files(task: Mapping[str, Any]) -> dict[str, str]:
    """Name -> sha256 of all splits of a task, as ``of_split`` wrote them."""
    texts = [split.get("files", "") for split in task["splits"].values()]
    lines = [line.split(" ", 1) for text in texts for line in text.split("\0") if line]
    return {name: sha256 for sha256, name in lines}


def digests_of(found: Contents, splits: Sequence[str]) -> set[str]:
    """The sha256 of every file in these splits of all tasks."""
    chosen = [
        {"splits": {name: its for name, its in task["splits"].items() if name in splits}}
        for task in found.values()
    ]
    return {sha256 for task in chosen for sha256 in listed_files(task).values()}


def told(names: Sequence[str], what: str, how: str, added: Sequence[str] = ()) -> str:
    """``3 files gone: a, b, c; 1 new: d``."""
    parts = []
    for listed, word in ((names, how), (added, "new")):
        if listed:
            plural = what if len(listed) == 1 else f"{what}{'es' if what == 'class' else 's'}"
            parts.append(f"{len(listed)} {plural} {word}: {few(listed, MOST_NAMED)}")
    return "; ".join(parts)
