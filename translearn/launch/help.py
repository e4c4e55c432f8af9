"""What ``tl-run --help`` prints, and config errors in a line or two. Imports no torch."""

import itertools
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from translearn.config import RunConfig, conf_dir
from translearn.errors import nearest
from translearn.renamed import refused
from translearn.settings import flatten

GROUPS = ("method", "data", "backbone", "augment", "semantics", "run", "experiment", "sweep")


# What Hydra's plugins add, and the extra that brings each.
PLUGINS = {
    "launcher/joblib": "joblib",
    "launcher/submitit_local": "submitit",
    "launcher/submitit_slurm": "submitit",
    "launcher/ray": "ray",
    "sweeper/optuna": "optuna",
}


EXAMPLES = """\
  tl-run                                                the default: method=dann data=print_hand
  tl-run method=source_only run.source_samples=32000    another method, half the budget
  tl-run method=dann data=mnist_mnistm seed=1           real data (tl-data list tells what it needs)
  tl-run -m method=source_only,dann seed=0,1,2          a sweep, ended by a table
  tl-run data=folder data.source=photos data.target=sketches    your own images"""


def choices(group: str) -> dict[str, str]:
    """Name -> one line about it, of every yaml in a config group."""
    found = {}
    for path in sorted((Path(conf_dir()) / group).glob("*.yaml")):
        about = re.search(r"^# about: (.*)$", path.read_text("utf-8"), re.MULTILINE)
        found[path.stem] = about.group(1) if about else ""
    return found


def listed(group: str) -> list[str]:
    """A line for each choice of a group."""
    return [f"  {name:<21} {about}" for name, about in choices(group).items()]


def parts(group: str) -> dict[str, list[str]]:
    """The groups within a group, such as ``method/variant``, and the choices that have each."""
    found: dict[str, list[str]] = {}
    for folder in sorted(path for path in (Path(conf_dir()) / group).glob("*") if path.is_dir()):
        key = rf"^  - {folder.name}: "
        files = sorted((Path(conf_dir()) / group).glob("*.yaml"))
        found[f"{group}/{folder.name}"] = [
            file.stem for file in files if re.search(key, file.read_text("utf-8"), re.MULTILINE)
        ]
    return found


def help_text() -> str:
    """Syntax, every choice with a line each, and examples."""
    lines = [
        "tl-run [GROUP=CHOICE ...] [KEY=VALUE ...]     train, evaluate, write a run folder",
        "tl-run -m [...] KEY=V1,V2,...                 every combination, then a table",
        "",
    ]
    for group in GROUPS:
        lines += [f"{group}=", *listed(group), ""]
        for part, methods in parts(group).items():
            lines += [f"{part}=   (of {', '.join(methods)})", *listed(part), ""]
    lines += ["Examples", EXAMPLES, ""]
    lines.append(
        "tl-run --cfg job [...]  shows every key with its value; run.resume=FOLDER|auto continues,"
    )
    lines.append("run.like=FOLDER key=value starts anew from what that run stored.")
    lines.append(
        "tl-table, tl-predict, tl-export, tl-data, tl-verify, tl-doctor have a --help of their own."
    )
    return "\n".join(lines)


def explain(error: Exception, overrides: Sequence[str]) -> str:
    """A config error of Hydra in one or two lines, with the nearest name."""
    text = "\n".join(str(e) for e in (error, error.__cause__, error.__context__) if e is not None)
    plugin = re.search(r"Could not find 'hydra/((launcher|sweeper)/([^']+))'", text)
    if plugin:
        name, kind, choice = plugin.groups()
        if name in PLUGINS:
            return f"hydra/{name} needs: pip install 'translearn[{PLUGINS[name]}]'"
        known = ["basic", *(n.split("/")[1] for n in PLUGINS if n.startswith(kind))]
        return f"hydra/{kind}={choice} does not exist{nearest(choice, known)}"
    missing = re.search(r"Could not find '([^']+)/([^/']+)'", text)
    if missing:
        group, name = missing.groups()
        return f"{group}={name} does not exist{nearest(name, choices(group))}"
    unknown = re.search(r"Could not override '([^']+)'", text)
    if unknown:
        key = unknown.group(1)
        if key.replace(".", "/") in parts("method"):
            of = " or ".join(parts("method")[key.replace(".", "/")])
            return f"{key.replace('.', '/')} is for method={of}"
        within = [found for found in every_key() if found.endswith(f".{key}")]
        if within:
            return f"{key} does not exist: do you mean {' or '.join(within[:3])}?"
        known = list(keys_near(key, overrides))
        if key in known:  # every phase may have it, and this one's file does not say it
            return f"{key} is not set in the file of this method: write +{key}=..."
        return f"{key} does not exist{nearest(key, known)}"
    override = re.search(r"[Nn]o match in the defaults list for|Could not find '([^']+)'", text)
    if override and override.group(1):
        return f"{override.group(1)} does not exist{nearest(override.group(1), GROUPS)}"
    first = [line.strip() for line in text.splitlines() if line.strip()]
    message = first[0] if first else type(error).__name__
    for why, line in itertools.pairwise(first):  # OmegaConf's reason, then the key
        if line.startswith("full_key:"):
            key = line.removeprefix("full_key:").strip()
            return refused(key) or f"{key}: {why}"
    return "\n".join([message, *first[1:3]])


def keys_near(key: str, overrides: Sequence[str]) -> Iterable[str]:
    """The keys that exist beside ``key``, for the choices made on this command line."""
    head, _, _ = key.rpartition(".")
    if head == "run" or head.startswith("method.phases."):
        return [f"{head}.{name}" for name in RunConfig.__dataclass_fields__]
    if not head:
        return [*GROUPS, "seed", "data_root", "output_root"]
    for config in of_choices(overrides):
        node = OmegaConf.select(config, head)
        if OmegaConf.is_dict(node):
            return [f"{head}.{name}" for name in node if name not in UNSHOWN]
    return GROUPS


def every_key() -> list[str]:
    """Every key of the default configuration, nested ones joined by dots; those of run first."""
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        keys = flatten(OmegaConf.to_container(compose("config")))  # type: ignore[arg-type]
    return sorted(keys, key=lambda key: not key.startswith("run."))


def meant(word: str) -> list[str]:
    """The choices that a word alone may stand for, such as ``method=dann`` for ``dann``."""
    return [f"{group}={word}" for group in GROUPS if word in choices(group)]


UNSHOWN = ("_target_", "name", "smoke_data", "variants")  # keys that nobody sets


def of_choices(overrides: Sequence[str]) -> list[DictConfig]:
    """The config of every combination of the groups' choices on a command line, and nothing else.

    Empty where one of them does not exist: that has an error of its own.
    """
    chosen = []
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        key = override.get_key_element().lstrip("+~")
        if (Path(conf_dir()) / key).is_dir():
            sweep = override.is_discrete_sweep()
            line = str(override.input_line)
            values = override.sweep_string_iterator() if sweep else ()
            chosen.append([f"{key}={value}" for value in values] or [line])
    try:
        with initialize_config_dir(conf_dir(), version_base="1.3"):
            return [compose("config", list(job)) for job in itertools.product(*chosen)]
    except Exception:  # Hydra's own kinds share no base
        return []
