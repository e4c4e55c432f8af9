"""The figures that shipped experiments claim, read from their yamls. Imports no torch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from translearn.errors import ConfigError, nearest

DEVICES = ("cpu", "cuda", "any")


@dataclass(frozen=True)
class Claim:
    """A figure that an experiment promises: its only one, or a cell of its table.

    Attributes:
        name: of the experiment.
        metric: a key of ``metrics`` in result.json.
        mean: what the mean over the seeds should be; ``tolerance`` less still passes.
        minutes: about how long one seed takes.
        device: where it holds.
        source: where the number comes from.
        embedded: needs no download, so that it can gate every commit.
        overrides: options to add to the command line.
        cell: of a table, the options that tell this cell from the others.
        number: its place in the table.
    """

    name: str
    metric: str
    mean: float
    tolerance: float
    seeds: tuple[int, ...]
    minutes: float
    device: str
    source: str
    embedded: bool = False
    overrides: tuple[str, ...] = ()
    cell: tuple[str, ...] = ()
    number: int = 0

    @property
    def title(self) -> str:
        """The experiment, and the cell of its table."""
        return " ".join((self.name, *self.cell))

    @property
    def folder(self) -> Path:
        """Where its runs go, within the folder of all claims."""
        return Path(self.name, str(self.number)) if self.cell else Path(self.name)

    @property
    def options(self) -> tuple[str, ...]:
        """What its runs are started with, besides the seed."""
        device = () if self.device == "any" else (f"run.device={self.device}",)
        return (f"experiment={self.name}", *device, *self.overrides, *self.cell)

    @property
    def total_minutes(self) -> float:
        """About how long it takes."""
        return self.minutes * len(self.seeds)


KEYS = tuple(f.name for f in fields(Claim) if f.name not in ("name", "cell", "number"))


def read_claims(conf: Path) -> dict[str, list[Claim]]:
    """The claims of all experiments by name: one, or with ``runs`` one a cell of the table.

    Raises:
        ConfigError: a claim lacks a key, has one too many, or a wrong value.
    """
    paths = sorted((conf / "experiment").glob("*.yaml"))
    loaded = {path: OmegaConf.to_container(OmegaConf.load(path)) for path in paths}
    return {
        path.stem: read_experiment(path, config["claim"])
        for path, config in loaded.items()
        if isinstance(config, dict) and config.get("claim")
    }


def read_experiment(path: Path, values: Mapping[str, Any]) -> list[Claim]:
    """The claims of an experiment.

    ``claim.runs`` makes a table: options -> options -> ... -> a cell, which is the mean, or a
    mapping with the ``mean`` and whatever of the claim is another one there.

    Raises:
        ConfigError: as said above.
    """
    shared = {key: value for key, value in values.items() if key != "runs"}
    if "runs" not in values:
        return [read_claim(path, shared)]
    found = [
        replace(read_claim(path, {**shared, **own}), cell=cell, number=number)
        for number, (cell, own) in enumerate(cells(values["runs"]))
    ]
    if not found:
        raise ConfigError(f"{path}: claim.runs is empty")
    return found


def cells(node: Any, options: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The options of each cell below ``node``, and its values."""
    if not isinstance(node, Mapping):
        yield options, {"mean": node}
    elif "mean" in node:
        yield options, node
    else:
        for words, below in node.items():
            yield from cells(below, (*options, *str(words).split()))


def read_claim(path: Path, values: Mapping[str, Any]) -> Claim:
    """One claim, checked.

    Raises:
        ConfigError: as said above.
    """
    for key in values:
        if key not in KEYS:
            raise ConfigError(f"{path}: claim.{key} does not exist{nearest(str(key), KEYS)}")
    try:
        claim = Claim(
            name=path.stem,
            metric=str(values["metric"]),
            mean=float(values["mean"]),
            tolerance=float(values["tolerance"]),
            seeds=tuple(int(seed) for seed in values["seeds"]),
            minutes=float(values["minutes"]),
            device=str(values["device"]),
            source=str(values["source"]),
            embedded=bool(values.get("embedded", False)),
            overrides=tuple(str(override) for override in values.get("overrides") or ()),
        )
    except KeyError as error:
        raise ConfigError(f"{path}: claim.{error.args[0]} is missing") from error
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{path}: claim: {error}") from error
    if not claim.seeds or claim.device not in DEVICES or claim.tolerance < 0:
        raise ConfigError(
            f"{path}: claim needs a seed, a tolerance of at least 0 and a device of "
            f"{', '.join(DEVICES)}"
        )
    return claim


def choose(
    claims: Mapping[str, Sequence[Claim]], names: Sequence[str], embedded: bool
) -> list[Claim]:
    """The claims to check: those named, or all; with ``embedded`` only the embedded of them.

    Raises:
        ConfigError: a name has no claim, or nothing is left: a gate that checks nothing is open.
    """
    for name in names:
        if name not in claims:
            raise ConfigError(f"no experiment {name} with a claim{nearest(name, claims)}")
    named = [claim for name in dict.fromkeys(names or claims) for claim in claims[name]]
    chosen = [claim for claim in named if claim.embedded or not embedded]
    if not chosen:
        raise ConfigError("no such experiment carries a claim; see tl-verify --list")
    return chosen


def describe(claim: Claim) -> str:
    """A claim in two lines."""
    seeds = ",".join(map(str, claim.seeds))
    embedded = ", embedded" if claim.embedded else ""
    return (
        f"{claim.title}: {claim.metric} >= {claim.mean:.4f} - {claim.tolerance:.4f}, seeds {seeds},"
        f" {claim.minutes:g} minutes a seed, device {claim.device}{embedded}\n    {claim.source}"
    )
