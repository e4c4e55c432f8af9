"""The arguments of tl-run: checked, and composed into the config of every job. Imports no torch."""

import contextlib
import itertools
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig

from translearn.artifacts.folder import (
    moved_words,
    recorded,
    refuse_older,
    stored_sources,
    stored_words,
)
from translearn.config import conf_dir
from translearn.errors import CheckpointError, ConfigError, nearest
from translearn.launch.help import explain, meant, of_choices
from translearn.renamed import may_have_moved, moved, moved_to_part, refused
from translearn.system.quoting import in_quotes

SWEEP_KEYS = ("run.skip_done", "run.job_minutes")  # what a run alone has no use for


def refuse_unknown_flags(arguments: Sequence[str]) -> None:
    """Refuse what is no option of Hydra's, in fewer lines than Hydra does.

    Raises:
        ConfigError: naming the option.
    """
    known = [name for action in get_args_parser()._actions for name in action.option_strings]
    for argument in arguments:
        if argument.startswith("-") and argument not in known:
            close = nearest(argument, [name for name in known if name.startswith("--")])
            raise ConfigError(f"{argument} is no option{close.split('; there are')[0]}")


def positional(arguments: Sequence[str]) -> list[str]:
    """The overrides among the arguments."""
    return parted(arguments)[1]


def flags_first(arguments: Sequence[str]) -> list[str]:
    """The same arguments as Hydra's parser takes them, which knows no flag between overrides."""
    flags, overrides = parted(arguments)
    return [*flags, *overrides]


def parted(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The flags with their values, and the overrides."""
    takes_value = {"--cfg", "-c", "--package", "-p", "--config-dir", "-cd", "--config-name", "-cn",
                   "--config-path", "-cp", "--info", "-i"}  # fmt: skip
    flags: list[str] = []
    overrides: list[str] = []
    skip = False
    for argument in arguments:
        (flags if skip or argument.startswith("-") else overrides).append(argument)
        skip = argument in takes_value
    return flags, overrides


def given_values(arguments: Sequence[str]) -> dict[str, str]:
    """Option -> value, as they stand on the command line."""
    return dict(word.split("=", 1) for word in positional(arguments) if "=" in word)


def stored_overrides(arguments: Sequence[str]) -> list[str]:
    """The options that the run in ``run.resume`` was started with and that are not given anew.

    Raises:
        CheckpointError: that run is one of an earlier release, or was killed before it began.
    """
    given = given_values(arguments)
    folder = Path(unquoted(given.get("run.resume", "auto")))
    record = folder / ".hydra" / "overrides.yaml"
    if not recorded(folder):
        if not (folder / ".hydra").is_dir():
            return []
        state = "is empty" if record.exists() else "is missing"
        told = f"{record} {state}: the run was killed before it began"
        again = f"the same words and hydra.run.dir={in_quotes(str(folder))} run.resume=auto"
        raise CheckpointError(f"{told}\nstart it again: {again}")
    refuse_older(folder)
    try:
        moved = [word for word in moved_words(folder) if Path(unquoted(place_in(word))).exists()]
        anew = [word.split("=", 1)[0] for word in moved]
        stored = [w for w in stored_words(folder) if w.split("=", 1)[0] not in anew] + moved
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{record} cannot be read: {error}") from error
    left_out = {*given, *SWEEP_KEYS}
    kept = [override for override in stored if override.split("=", 1)[0] not in left_out]
    return [*stored_flags(folder, arguments), *kept]


def place_in(word: str) -> str:
    """The value of ``key=value``."""
    return word.partition("=")[2]


def stored_flags(folder: Path, arguments: Sequence[str]) -> list[str]:
    """``--config-dir`` as the run in ``folder`` was given it, where ``arguments`` have none."""
    record = folder / ".hydra" / "hydra.yaml"
    if not record.is_file() or {"--config-dir", "-cd"} & set(arguments):
        return []
    try:
        given = stored_sources(folder)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{record} cannot be read: {error}") from error
    return [word for path in given[:1] for word in ("--config-dir", path)]


def unquoted(text: str) -> str:
    """A path as it was meant, with the quotes of Hydra's grammar or without."""
    try:
        return str(OverridesParser.create().parse_override(f"key={text}").value())
    except (HydraException, ValueError):
        return text


def refuse_unreadable(overrides: Sequence[str], sweep: bool) -> None:
    """Refuse a value that Hydra's grammar cannot read, or reads as a sweep where there is none.

    Raises:
        ConfigError: showing the quotes with which it can.
    """
    parser = OverridesParser.create()
    for override in overrides:
        key, sign, value = override.partition("=")
        if not sign and not override.startswith("~"):
            close = f": do you mean {' or '.join(meant(key))}?" if meant(key) else ""
            raise ConfigError(f"{override} is no option, which has the form key=value{close}")
        try:
            if parser.parse_override(override).is_sweep_override() and not sweep:
                raise ConfigError(
                    f"{override} is a sweep: add -m\n"
                    f"or quote it, if it is one value: {shlex.quote(f'{key}={in_quotes(value)}')}"
                )
        except (HydraException, ValueError):
            again = f"{key}={in_quotes(value)}"
            with contextlib.suppress(HydraException, ValueError):
                if sign and parser.parse_override(again):
                    raise ConfigError(
                        f"{key} needs quotes around its value\nin a shell: {shlex.quote(again)}"
                    ) from None


def compose_jobs(arguments: Sequence[str]) -> list[DictConfig]:
    """The config of every job that the command line asks for.

    Raises:
        ConfigError: an option or a value is wrong; the nearest name is told.
    """
    overrides = positional(arguments)
    search = [
        f"hydra.searchpath=[file://{Path(after).resolve()}]"
        for before, after in itertools.pairwise(arguments)
        if before in ("--config-dir", "-cd")
    ]
    refuse_unreadable(overrides, sweep=bool({"-m", "--multirun"} & set(arguments)))
    try:
        refuse_older_forms(overrides)
        choices: list[list[str]] = []
        grid = not {"sweep=optuna", "hydra/sweeper=optuna"} & set(overrides)
        for override in OverridesParser.create().parse_overrides(overrides):
            if override.is_discrete_sweep():
                key = override.get_key_element()
                choices.append([f"{key}={value}" for value in override.sweep_string_iterator()])
            elif not override.is_sweep_override():
                choices.append([str(override.input_line)])
        with initialize_config_dir(conf_dir(), version_base="1.3"):
            jobs = itertools.product(*choices) if grid else one_at_a_time(choices)
            return [compose("config", [*search, *job]) for job in jobs]
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(explain(error, overrides)) from error


def refuse_older_forms(overrides: Sequence[str]) -> None:
    """Refuse options of ``run`` and of components as earlier releases had them.

    Raises:
        ConfigError: naming each, and how it is written now.
    """
    pairs = [override.lstrip("+").partition("=")[::2] for override in overrides]
    for key, _ in pairs:
        if told_anew := refused(key):
            raise ConfigError(told_anew)
    if not any(may_have_moved(key.partition(".")[2]) for key, _ in pairs):
        return  # composing takes longer than reading the words
    told = {
        f"{key}={value}": new
        for config in of_choices(overrides)
        for key, value in pairs
        if (new := _now_written(config, key, value))
    }
    if told:
        raise ConfigError("\n".join(f"{old} has moved: write {new}" for old, new in told.items()))


def _now_written(config: DictConfig, key: str, value: str) -> str | None:
    """How an option that has moved is written for the components of a config; None: it has not."""
    group = key.partition(".")[0]
    if group == "method":
        return moved(str(config.method.get("name")), key, value)
    if group in ("augment", "views"):
        return moved_to_part(str(config[group].get("_target_")), group, key, value)
    return None


def one_at_a_time(choices: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """The first choices, then each other one beside them: the whole product may be endless."""
    first = [values[0] for values in choices]
    yield first
    for position, values in enumerate(choices):
        for value in values[1:]:
            yield [*first[:position], value, *first[position + 1 :]]
