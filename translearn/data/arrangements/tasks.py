"""Any number of sets at once, each a task of its own, for multitask learning."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from translearn.data.access import limit_labels
from translearn.data.arrangements.base import Arrangement, joint_protocol
from translearn.data.cuts import cut_domain, cut_test
from translearn.data.sets.by_name import open_sets
from translearn.data.types import Kind, Samples, Shape, TaskSet
from translearn.errors import ConfigError
from translearn.ranges import Count, Part, Seed

STEM = (16, 28, 28)  # the trunk's input where every task has a stem of its own


NAME = re.compile(r"[a-z][a-z0-9_]*")


class SeveralTasks(Arrangement):
    """Sets as tasks of one run. Published splits are kept, others cut 80/20 by ``split_seed``.

    Images come as large as those of the first task, grey ones in the colours of the trunk; a task
    of another size has an input of its own, and a stem. With recordings or vectors among images
    every task has one: the trunk then receives 16 maps of 28x28.

    Args:
        root: the data root folder.
        tasks: names of sets.
        names: a name for each task; None: the sets' own.
        val_fraction: share of each training split cut off for validation.
        split_seed: decides all cuts.
        target_labels_per_class: keep only so many labels of each class of the task ``target``.
        title: what tables call it; None: the names of the sets.
        download: whether missing files are downloaded.
        options: of the sets, such as ``size``; see their readers.

    Raises:
        ConfigError: a set or an option does not exist, or the names do not fit.
    """

    def __init__(
        self,
        root: str = "",
        tasks: Sequence[str] = (),
        names: Sequence[str] | None = None,
        val_fraction: Part = 0.1,
        split_seed: Seed = 0,
        target_labels_per_class: Count | None = None,
        title: str | None = None,
        download: bool = True,
        **options: Any,
    ) -> None:
        offered = {"root": root, "split_seed": split_seed, "download": download}
        readers = open_sets([("tasks", name) for name in tasks], {**offered, **options})
        called = tuple(tasks if names is None else names)
        check_names(called, len(tasks))
        if target_labels_per_class is not None and "target" not in called:
            raise ConfigError(
                "data.target_labels_per_class needs a task called target\n"
                "name the tasks, such as data.names=[source,target]"
            )
        by_name = dict(zip(called, readers, strict=True))
        super().__init__(title or "+".join(tasks), by_name, val_fraction, split_seed)
        self.target_labels_per_class = target_labels_per_class

    def arrange(self, samples: Mapping[str, Samples]) -> TaskSet:
        """Cut every set.

        Raises:
            ConfigError: the label budget or ``val_fraction`` is out of range.
        """
        trunk, own = input_shapes(samples)
        domains = {
            task: cut_domain(
                cut_test(one, self.test_fraction, self.split_seed),
                self.val_fraction, self.split_seed, own.get(task),
            )
            for task, one in samples.items()
        }  # fmt: skip
        protocol = joint_protocol(list(samples.values()))
        tasks = TaskSet(self.named(samples), domains, trunk, protocol)
        return limit_labels(tasks, self.target_labels_per_class, self.split_seed)


def input_shapes(samples: Mapping[str, Samples]) -> tuple[Shape, dict[str, Shape]]:
    """What the trunk receives, and the shapes of the tasks that have a stem before it."""
    shapes = {task: one.shape for task, one in samples.items()}
    images = {task: shapes[task] for task, one in samples.items() if one.kind is Kind.image}
    first = next(iter((images or shapes).values()))
    alike = [task for task, shape in images.items() if shape[1:] == first[1:]]
    channels = max((shapes[task][0] for task in alike), default=first[0])
    trunk = (channels, *first[1:])
    if len({one.kind for one in samples.values()}) > 1:
        return STEM, {**shapes, **dict.fromkeys(alike, trunk)}
    return trunk, {task: s for task, s in shapes.items() if task not in alike and s != trunk}


def check_names(names: Sequence[str], count: int) -> None:
    """Refuse names that cannot stand in metrics and modules.

    Raises:
        ConfigError: as said, or they are too few, too many or not different.
    """
    if len(names) != count or len(set(names)) != count or count < 2:
        raise ConfigError("data.tasks needs two data sets or more, and data.names a name for each")
    for name in names:
        if not NAME.fullmatch(str(name)) or hasattr(nn.ModuleDict, name):
            raise ConfigError(f"data.names: {name!r} cannot name a task; use small letters")
