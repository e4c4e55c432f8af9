"""What ``tl-run --help`` prints, and config errors in a line or two. Imports no torch."""

import itertools
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from translearn.config import RunConfig, conf_dir
from translearn.errors import nearest

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
  tl-run                                                the default: method=dann data=digits
  tl-run method=source_only run.samples=64000           another method, half the budget
  tl-run method=dann data=mnist_mnistm seed=1           real data (tl-data list tells what it needs)
  tl-run -m method=source_only,dann seed=0,1,2          a sweep, ended by a table
  tl-run data=folder data.source=photos data.target=sketches    your own images"""


def choices(group: str) -> dict[str, str]:
    """Name -> one line about it, of every yaml in a config group."""
    found = {}
    for path in sorted((Path(conf_dir()) / group).glob("*.yaml")):
        about = re.search(r"^# about: (.*)$", path.read_text(), re.MULTILINE)
        found[path.stem] = about.group(1) if about else ""
    return found


def help_text() -> str:
    """Syntax, every choice with a line each, and examples."""
    lines = [
        "tl-run [GROUP=CHOICE ...] [KEY=VALUE ...]     train, evaluate, write a run folder",
        "tl-run -m [...] KEY=V1,V2,...                 every combination, then a table",
        "",
    ]
    for group in GROUPS:
        lines.append(f"{group}=")
        lines += [f"  {name:<21} {about}" for name, about in choices(group).items()]
        lines.append("")
    lines += ["Examples", EXAMPLES, ""]
    lines.append(
        "tl-run --cfg job [...]  shows every key with its value; run.resume=FOLDER|auto continues"
    )
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
    missing = re.search(r"Could not find '([^/']+)/([^']+)'", text)
    if missing:
        group, name = missing.groups()
        return f"{group}={name} does not exist{nearest(name, choices(group))}"
    unknown = re.search(r"Could not override '([^']+)'", text)
    if unknown:
        key = unknown.group(1)
        return f"{key} does not exist{nearest(key, keys_near(key, overrides))}"
    override = re.search(r"[Nn]o match in the defaults list for|Could not find '([^']+)'", text)
    if override and override.group(1):
        return f"{override.group(1)} does not exist{nearest(override.group(1), GROUPS)}"
    first = [line.strip() for line in text.splitlines() if line.strip()]
    message = first[0] if first else type(error).__name__
    for why, line in itertools.pairwise(first):  # OmegaConf's reason, then the key
        if line.startswith("full_key:"):
            return f"{line.removeprefix('full_key:').strip()}: {why}"
    return "\n".join([message, *first[1:3]])


def keys_near(key: str, overrides: Sequence[str]) -> Iterable[str]:
    """The keys that exist beside ``key``, for the choices made on this command line."""
    head, _, _ = key.rpartition(".")
    if head == "run" or head.startswith("method.phases."):
        return [f"{head}.{name}" for name in RunConfig.__dataclass_fields__]
    if not head:
        return [*GROUPS, "seed", "data_root", "output_root"]
    group = head.split(".")[0]
    chosen = _chosen(group, overrides)
    path = Path(conf_dir()) / group / f"{chosen}.yaml"
    if not path.exists():
        return GROUPS
    node = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    assert isinstance(node, dict)
    node = node if "_target_" in node else node.get(group, node)
    return [f"{group}.{name!s}" for name in map(str, node) if name not in ("_target_", "defaults")]


def _chosen(group: str, overrides: Sequence[str]) -> str:
    defaults = {"method": "dann", "data": "digits", "backbone": "narrow", "augment": "color_noise"}
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        if override.get_key_element() == group:
            return str(override.get_value_element_as_str())
    return defaults.get(group, "default")
