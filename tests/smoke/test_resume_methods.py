"""Killed in any phase, every method and variant continues to the same bits."""

import pytest
from runs import (
    access_of,
    each_variant,
    kill_in,
    log_lines,
    same_weights,
    smoke_options,
    train,
    train_once,
)


def options_of(method, variant, saved=0.0):
    """Four steps a phase, saved at each; weights are selected where a rule may be used."""
    options = (*smoke_options(method, variant), "run.max_steps=4", "run.evaluations=2",
               f"run.save_seconds={saved}")  # fmt: skip
    labels = access_of(method, variant).source_labels
    return (*options, *(["run.select=source_val"] if labels else []))


def continues(phase, whole, options, folder, monkeypatch):
    """Kill a run in a phase and continue it: all that it leaves is as if it had run through."""
    name, step = place(phase, whole.result["phases"])
    kill_in(name, folder, monkeypatch, *options, step=step)
    again = train(folder, *options)
    assert same_weights(folder, whole.folder), phase
    for key in ("metrics", "per_class", "steps", "samples", "selected_step", "warnings"):
        assert again[key] == whole.result[key], (phase, key)
    assert timeless(folder) == timeless(whole.folder), phase


def place(phase, phases):
    """The phase as its method knows it, and its second step, counted through a warm-up before."""
    steps = {p["name"]: p["steps"] for p in phases}
    return phase.removesuffix("_head"), steps.get(f"{phase}_head", 0) + 2


def timeless(folder):
    """The log without its times."""
    return [{k: v for k, v in line.items() if "seconds" not in k} for line in log_lines(folder)]


@pytest.mark.full
@pytest.mark.parametrize("saved", [0.0, 1e9], ids=["saved at every step", "saved once a phase"])
@pytest.mark.parametrize(("method", "variant"), each_variant())
def test_killed_in_any_phase_it_continues_to_the_same_bits(
    method, variant, saved, tmp_path, monkeypatch
):
    whole = train_once(*options_of(method, variant))  # how often it saves changes no bit
    options = options_of(method, variant, saved)
    for phase in whole.result["phases"]:
        continues(phase["name"], whole, options, tmp_path / phase["name"], monkeypatch)
