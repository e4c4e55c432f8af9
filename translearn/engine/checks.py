"""What is refused before anything of a run is built or read."""

from collections.abc import Mapping
from pathlib import Path

from translearn.answers import ANSWERS
from translearn.artifacts.checkpoint import load as load_checkpoint
from translearn.artifacts.folder import of_a_run, refuse_differences
from translearn.artifacts.trackers import check_tracker
from translearn.backbones.base import Backbone
from translearn.components import check, check_engine_options, resolve_class
from translearn.config import Config, RunConfig
from translearn.data.identity import but_moved
from translearn.data.pipeline.augment import Augment
from translearn.data.types import DataSource, Shape
from translearn.engine.environment import continued_with, made_with, other_versions, told_versions
from translearn.errors import CheckpointError, ConfigError
from translearn.methods.base import Method
from translearn.methods.parts.source_model import check_same_cut
from translearn.semantics.base import Semantics
from translearn.settings import differences
from translearn.system.terminal import notice

METHOD_PARTS = ("backbone", "tasks", "input_shape", "input_shapes", "semantics")


def check_parts(config: Config, run: RunConfig) -> None:
    """Refuse parts that do not exist or take no such options, before anything is built.

    Raises:
        ConfigError: naming the option.
    """
    check_tracker(run.tracker)
    check("data", config["data"], DataSource, ["root", "download"])
    check_engine_options(config)
    check("backbone", config["backbone"], Backbone, ["input_shape"])
    check("augment", config["augment"], Augment, ["size"])
    check("views", config["views"], Augment, ["size"])
    check("method", config["method"], Method, METHOD_PARTS)
    refuse_answers(config, resolve_class(config["method"]["_target_"], Method))
    if config["method"].get("init"):
        check_same_cut(config["method"]["init"], config["data"].get("split_seed"))
    if config.get("semantics"):
        check("semantics", config["semantics"], Semantics, ["root"])


def refuse_answers(config: Config, method: Method | type[Method]) -> None:
    """Refuse a method that cannot learn what the data ask for, and a headline of other answers.

    Before the data are read this knows what ``data.answer`` says.

    Raises:
        ConfigError: as said.
    """
    data, name = config["data"], config["method"].get("name")
    asked = [data.get("answer") or "class"]
    if isinstance(method, Method):
        asked = [method.answer(task).name for task in method.tasks]
    for answer in asked:
        if answer not in method.answers:
            raise ConfigError(
                f"method={name} learns classes, and this data has a {answer} for each sample\n"
                "choose method=source_only, target_only, finetune, multitask, dan or coral"
            )
        headline = data.get("headline")
        if headline and headline not in ANSWERS[answer].figures:
            known = ", ".join(ANSWERS[answer].figures)
            raise ConfigError(f"data.headline={headline}: of a {answer} there are {known}")


def check_shared(phase_runs: Mapping[str, RunConfig], world: int) -> None:
    """Refuse a batch that the ranks cannot share.

    Raises:
        ConfigError: naming a batch size that they can.
    """
    for settings in phase_runs.values():
        if settings.batch_size % world:
            raise ConfigError(
                f"run.batch_size={settings.batch_size} cannot be shared by run.gpus={world}: "
                f"choose a multiple of {world}"
            )


def check_continues(config: Config, folder: Path, run: RunConfig) -> None:
    """Refuse a checkpoint of another config, version or thread count.

    Raises:
        CheckpointError: naming the differences.
    """
    state = load_checkpoint(folder / "checkpoints")
    if state is None:
        return
    with of_a_run(folder / "checkpoints"):
        changed = differences(state["config"], config, training=True)
        changed = but_moved(folder, changed, config)
        made = made_with(state)
        if run.threads is None:
            run.threads = int(state["threads"])  # what null meant when the run began
    refuse_differences(folder, changed)
    refuse_versions(folder, made, run.resume_anyway)


def refuse_versions(folder: Path, made: Mapping[str, str], anyway: bool) -> None:
    """Refuse to continue a run with other versions, whose bits may differ, unless it is asked for.

    Args:
        folder: of the run.
        made: package -> the version that the run began with.
        anyway: go on, and note it among the warnings of the result.

    Raises:
        CheckpointError: saying what to install.
    """
    other = other_versions(made)
    if not other:
        return
    if anyway:
        notice(continued_with(other))
        return
    install = " ".join(f"{name}=={known.split('+')[0]}" for name, known in other.items())
    raise CheckpointError(
        f"{folder} cannot be continued to the same bits: it was made with {told_versions(other)}\n"
        f"pip install {install}\n"
        "or go on all the same, which the result will tell: run.resume_anyway=true"
    )


def refuse_other_inputs(config: Config, shape: Shape) -> None:
    """Refuse a backbone for samples of another kind.

    Raises:
        ConfigError: naming one that is for these.
    """
    takes = resolve_class(config["backbone"]["_target_"], Backbone).input_dimensions
    if len(shape) in takes:
        return
    words = {1: "vectors", 2: "signals", 3: "images"}
    suited = {1: "mlp, or identity for features that are computed already", 2: "conv1d or mlp"}
    raise ConfigError(
        f"backbone={config['backbone'].get('name')} is for {words[takes[0]]}, and these samples "
        f"are {words[len(shape)]} ({' x '.join(map(str, shape))})\n"
        f"choose backbone={suited.get(len(shape), 'wide, or another network for images')}"
    )
