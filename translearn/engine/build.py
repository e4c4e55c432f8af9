"""The parts of a run put together: its method, and the job that the engine runs."""

import logging
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from translearn.artifacts.trackers import GuardedTracker
from translearn.backbones.base import Backbone
from translearn.components import build, resolve_class
from translearn.config import Config, RunConfig
from translearn.data.access import TrainView
from translearn.data.arrangements.base import lacking
from translearn.data.pipeline.augment import Augment
from translearn.data.pipeline.preparation import Preparation, VectorPreparation
from translearn.data.pipeline.reading import Reader, TaskFiles
from translearn.data.samples import shown, without_labels
from translearn.data.types import DataSource, Images, Shape, TaskSet
from translearn.engine.checks import (
    check_continues,
    check_parts,
    check_shared,
    refuse_answers,
    refuse_other_inputs,
)
from translearn.engine.data_record import (
    DataRecord,
    data_record,
    refuse_changed,
    refuse_learned_test,
)
from translearn.engine.features import Extraction
from translearn.engine.job import Job, phase_settings
from translearn.engine.judge import Judge
from translearn.engine.selection import check_selection
from translearn.engine.with_source import check_with_source
from translearn.engine.workload import scoring_batch, suited
from translearn.errors import ConfigError
from translearn.methods.base import Method
from translearn.runtime import Runtime, stable_seed
from translearn.semantics.base import Semantics
from translearn.system.signals import Stop

log = logging.getLogger(__name__)


def build_run(
    config: Config,
    folder: Path,
    stop: Stop,
    rank: int = 0,
    world: int = 1,
    tasks: TaskSet | None = None,
) -> Job:
    """Check a config, load its data and build every part; the same seed gives the same weights.

    Args:
        config: of the run.
        folder: of the run; a checkpoint in it must be one of this config.
        stop: what tells the loop of signals.
        rank: this process among ``world``.
        world: number of processes.
        tasks: the data, where it is not to be loaded as the config says.

    Raises:
        ConfigError: the parts do not exist, or do not fit each other.
        DataError: the data is missing or broken.
        CheckpointError: the folder holds another run.
    """
    run = RunConfig.of(config["run"])
    check_parts(config, run)
    phase_runs = phase_settings(run, config["method"]["phases"])
    check_shared(phase_runs, world)
    check_continues(config, folder, run)
    runtime = Runtime.start(run, rank, world)
    if tasks is None:
        root = os.path.expanduser(config["data_root"])
        tasks = build(config["data"], DataSource, root=root).load()
    seed = int(config["seed"])
    found: DataRecord | None = None
    if rank == 0:
        found = data_record(tasks, config, run.most_files, seed)
        refuse_changed(folder, found)
        if config["method"].get("init"):
            refuse_learned_test(config["method"]["init"], found)
    tasks, files = read_files(tasks, run, seed, show=rank == 0)
    torch.manual_seed(stable_seed(seed, "start"))
    random.seed(seed)
    np.random.seed(seed % 2**32)
    classes = {task: domain.classes for task, domain in tasks.tasks.items()}
    shapes = {task: tasks.shape(task) for task in tasks.tasks}
    answers = {task: domain.answer for task, domain in tasks.tasks.items()}
    method = build_method(config, classes, tasks.input_shape, shapes, answers=answers)
    runtime = suited(runtime, run, method, tasks.input_shape)
    method.to(device=runtime.device, memory_format=runtime.memory_format)  # type: ignore[call-overload]
    backbone = method.backbone
    prepare = {
        task: Preparation.of(
            domain.kind, tasks.shape(task), backbone.mean, backbone.std, runtime, domain.scaling
        )
        for task, domain in tasks.tasks.items()
    }
    given, seconds, pictures = tasks, 0.0, dict[str, Images]()
    if method.on_features:
        at_once = scoring_batch(run, shapes.values(), runtime.device)
        extraction = Extraction(prepare, runtime, at_once, run.workers, run.feature_cache, run.dry)
        given, seconds = extraction.of(tasks, backbone), extraction.seconds
        prepare = dict.fromkeys(tasks.tasks, VectorPreparation(runtime))
        pictures = {task: shown(domain) for task, domain in tasks.tasks.items()}
        shapes = {task: given.shape(task) for task in given.tasks}
    budget = run.resident_mb * 2**20
    # The wall: of all labels, the method gets those of its access and the judge the others.
    at_once = scoring_batch(run, shapes.values(), runtime.device)
    judge = Judge(given, prepare, runtime, at_once, budget, run.workers)
    view = TrainView.of(given, method.access)
    for task in method.tasks:
        method.answer(task).see(view, task)
    check_selection(run, method, judge, view)
    check_with_source(config["method"].get("average_with_source"), method, judge)
    size = tasks.input_shape[-1]
    return Job(
        method=method,
        tasks=without_labels(tasks),
        view=view,
        judge=judge,
        prepare=prepare,
        shapes=shapes,
        augment=augmentation(config["augment"], size, view, runtime),
        pair_augment=augmentation(config["views"], size, view, runtime),
        run=run,
        phase_runs=phase_runs,
        runtime=runtime,
        seed=seed,
        folder=folder,
        config=config,
        stop=stop,
        tracker=GuardedTracker(run.tracker, folder, config),
        extraction_seconds=seconds,
        pictures=pictures,
        files=files,
        data_record=found,
    )


def augmentation(config: Config, size: int, view: TrainView, runtime: Runtime) -> Augment:
    """An augmentation on the device, which has seen what it may see.

    Raises:
        ConfigError: the data do not suit it.
    """
    built = build(config, Augment, size=size).to(runtime.device)
    built.see(view)
    return built


def read_files(
    tasks: TaskSet, run: RunConfig, seed: int, show: bool
) -> tuple[TaskSet, dict[str, TaskFiles]]:
    """Read all image files, and print what was found, left out and changed.

    Raises:
        DataError: files cannot be read; the message names all.
    """
    say = log.info if show else lambda *told: None
    for listing in tasks.listings.values():
        say("%s", listing)
    reader = Reader(run.resident_mb * 2**20, run.workers, run.most_files, seed, show)
    tasks, files = reader.read(tasks)
    if any(read.bad for read in files.values()):
        tasks = replace(tasks, notes=lacking(tasks))
    for task, read in files.items():
        if str(read):
            say("%s: %s", task, read)
    for note in tasks.notes:
        say("warning: %s", note)
    return tasks, files


def build_method(
    config: Config,
    classes: Mapping[str, Sequence[str]],
    input_shape: Shape,
    shapes: Mapping[str, Shape] | None = None,
    semantics: Semantics | None = None,
    answers: Mapping[str, str] | None = None,
) -> Method:
    """The method of a config on its backbone, for these classes and inputs.

    Args:
        config: of the run.
        classes: task -> class names.
        input_shape: what the backbone receives.
        shapes: task -> what a prepared sample looks like; None: all as the backbone wants them.
        semantics: class descriptions; None: those of the config, if it has any.
        answers: task -> what it asks for, as in ``Domain.answer``; None: classes.

    Raises:
        ConfigError: the method cannot do with tasks of these names, or of different inputs.
    """
    name, found = config["method"].get("name"), resolve_class(config["method"]["_target_"], Method)
    missing = [task for task in found.needs if task not in classes]
    if missing:
        raise ConfigError(
            f"method={name} needs the task {missing[0]!r}, and this data has {', '.join(classes)}\n"
            "choose a data pair (tl-run --help lists them), or method=multitask"
        )
    shapes = shapes or dict.fromkeys(classes, input_shape)
    if not found.mixed_inputs and any(tuple(s) != tuple(input_shape) for s in shapes.values()):
        raise ConfigError(
            f"method={name} needs the same kind of input in all tasks, and here they differ\n"
            "choose method=multitask, which gives each its own stem, or other data"
        )
    if semantics is None and config.get("semantics"):
        root = os.path.expanduser(config["data_root"])
        semantics = build(config["semantics"], Semantics, root=root)
    shape = tuple(input_shape)
    network = found.trains_network or any(tuple(s) != shape for s in shapes.values())
    backbone = build_backbone(config, shape, network)
    parts = {"tasks": classes, "input_shape": shape, "input_shapes": shapes, "semantics": semantics}
    method = build(config["method"], Method, backbone=backbone, **parts)
    method.ask(answers or {})
    refuse_answers(config, method)
    return method


def build_backbone(config: Config, shape: Shape, trained: bool) -> Backbone:
    """The backbone of a config, which knows what of it may learn.

    Args:
        config: of the run.
        shape: of its input.
        trained: whether the method cannot do without training it, or layers below it.

    Raises:
        ConfigError: the method cannot, and ``backbone.learn=none``.
    """
    asked = config["backbone"].get("learn", "all")  # runs of before the option tuned all
    if trained and asked == "none":
        raise ConfigError(
            f"method={config['method'].get('name')} is about training the network, or layers "
            "below it\nleave out backbone.learn=none, or choose another method"
        )
    refuse_other_inputs(config, shape)
    backbone = build(config["backbone"], Backbone, input_shape=shape)
    fixed = backbone.pretrained and not trained
    backbone.learn = asked or ("none" if fixed else "all")
    backbone.passes_features = len(shape) > 1
    return backbone
