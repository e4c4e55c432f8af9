"""The words of a sweep as Hydra needs them. Imports no torch."""

import re
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import OverrideType

from translearn.launch.arguments import positional


def of_the_jobs(words: Sequence[str]) -> list[str]:
    """The words of a sweep, with the options of what it varies left to its jobs.

    Hydra composes once before the jobs, without what is swept: ``-m method=mcc,im
    method.temperature=2`` has no ``method.temperature`` then. A choice of one value is a sweep too.
    """
    overrides = set(positional(words))
    parsed = {w: OverridesParser.create().parse_override(w) for w in words if w in overrides}
    swept = [override for override in parsed.values() if override.is_sweep_override()]
    varied = {first_name(key) for o in swept for key in (str(o.key_or_group), o.package or "")}
    if "experiment" in varied:  # it may name any part
        varied |= {first_name(str(o.key_or_group)) for o in parsed.values()} - {"hydra"}
    told = []
    for word in words:
        key, _, value = word.partition("=")
        alone = word in parsed and parsed[word].type is OverrideType.CHANGE
        if alone and not parsed[word].is_sweep_override() and first_name(key) in varied:
            told.append(f"{key}=choice({value})")
        else:
            told.append(word)
    return told


def first_name(key: str) -> str:
    """``method`` of ``method.phases.train.lr=.1``, and of ``method/cluster``."""
    return re.split(r"[./@]", key, maxsplit=1)[0]
