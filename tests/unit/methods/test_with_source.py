"""Weights between source model and tuned model: by the formula, chosen on validation, refused."""

import pytest
import torch
from runs import config_of, kill_in, log_lines, same_weights, train, train_once, weights
from torch import nn

from translearn.engine.with_source import ALPHAS, set_between
from translearn.errors import ConfigError
from translearn.launch.values import refuse_wrong_values

OPTIONS = ("method=finetune", "data=digits_photos", "run=smoke", "run.max_steps=3",
           "method.phases.target.lr=0.1")  # fmt: skip
OTHER = ("method=finetune", "data=digits_split", "run=smoke", "run.max_steps=3",
         "method.transfer=first:2", "method.phases.target.lr=0.1")  # fmt: skip


def at(alpha, *options):
    return train_once(*(options or OPTIONS), f"method.average_with_source={alpha}")


def between(source, tuned, alpha):
    """Equation 1 value by value; variances of batch norm as those of a mixture of samples."""
    found = {}
    for name, one in source.items():
        other = tuned[name]
        mixed = (1 - alpha) * one.double() + alpha * other.double()
        if name.endswith("running_var"):
            means = (part[name.replace("var", "mean")].double() for part in (source, tuned))
            first, second = means
            middle = (1 - alpha) * first + alpha * second
            mixed += (1 - alpha) * (first - middle) ** 2 + alpha * (second - middle) ** 2
        found[name] = mixed
    return found


@pytest.mark.full
def test_one_is_the_tuned_model_and_zero_the_source_model():
    plain, one, zero = train_once(*OPTIONS), at(1), at(0)
    assert same_weights(plain.folder, one.folder)
    state = weights(zero.folder)
    for name, tensor in state.items():
        if name.startswith("target_head."):
            assert torch.equal(tensor, state[name.replace("target", "source")]), name
    metrics = zero.result["metrics"]
    assert metrics["source/test/accuracy"] == metrics["source/test/accuracy_before"]
    moved = [n for n, t in state.items() if not torch.equal(t, weights(one.folder)[n])]
    assert any("conv1" in name for name in moved) and any("running_var" in n for n in moved)


@pytest.mark.parametrize(
    "options", [OTHER, pytest.param(OPTIONS, marks=pytest.mark.full)], ids=["other", "same"]
)
def test_what_lies_between_is_the_formula_s(options):
    """What has no start in the source model (a new head, new groups) stays as it was tuned."""
    alpha = 0.3
    found = weights(at(alpha, *options).folder)
    source, tuned = (weights(at(end, *options).folder) for end in (0, 1))
    expected = between(source, tuned, alpha)
    for name, tensor in found.items():
        if "num_batches" not in name:
            assert torch.allclose(tensor.double(), expected[name], rtol=1e-5, atol=1e-7), name
    if options is OTHER:
        new = [n for n in tuned if "conv3" in n or n.startswith("target_head.")]
        assert new and all(torch.equal(found[n], tuned[n]) for n in new)
        assert not torch.equal(found["backbone.layers.conv1.0.weight"],
                               tuned["backbone.layers.conv1.0.weight"])  # fmt: skip


def test_batch_norm_holds_the_figures_of_the_samples_of_both():
    """Below it nothing is averaged, so the mixture is exactly that of the samples together."""
    draws = torch.Generator().manual_seed(0)
    first = 2 + torch.randn(300, 4, generator=draws)
    second = torch.randn(100, 4, generator=draws) * 3

    def fitted(samples):
        layer = nn.BatchNorm1d(4, momentum=1.0)
        layer(samples)
        layer.running_var *= 1 - 1 / len(samples)  # the population's, as of all samples
        return {name: t.clone() for name, t in layer.state_dict().items()}

    layer, source, tuned = nn.BatchNorm1d(4), fitted(first), fitted(second)
    layer.kept = {f"from_source/{name}": t for name, t in source.items()}
    set_between(layer, tuned, 0.25)
    both = torch.cat([first, second])
    assert torch.allclose(layer.running_mean, both.mean(dim=0), atol=1e-6)
    assert torch.allclose(layer.running_var, both.var(dim=0, correction=0), rtol=1e-5)


@pytest.mark.full
def test_auto_takes_the_best_on_validation_of_both():
    run = at("auto")
    lines = [line for line in log_lines(run.folder) if line["phase"] == "average_with_source"]
    means = {
        line["alpha"]: (line["source/val/accuracy"] + line["target/val/accuracy"]) / 2
        for line in lines
    }
    assert sorted(means) == list(ALPHAS)
    chosen = run.result["metrics"]["average_with_source/alpha"]
    assert chosen == max(alpha for alpha in ALPHAS if means[alpha] == max(means.values()))
    assert same_weights(run.folder, at(chosen).folder)


@pytest.mark.full
@pytest.mark.parametrize("phase", ["source", "target"])
def test_killed_it_continues_to_the_same_bits(phase, tmp_path, monkeypatch):
    options = (*OPTIONS, "method.average_with_source=0.4", "run.save_seconds=0")
    kill_in(phase, tmp_path, monkeypatch, *options)
    again = train(tmp_path, *options)
    assert same_weights(tmp_path, at(0.4).folder)
    assert again["metrics"] == at(0.4).result["metrics"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("data.target_labels_per_class=2", "method.average_with_source=auto"), "give a number"),
        (("data=digits_split", "method.freeze=all", "method.average_with_source=0.5"), "learns"),
        (("method=dann", "+method.average_with_source=0.5"), "method=finetune"),
    ],
)
def test_it_is_refused_where_there_is_nothing_to_average_or_to_choose_by(options, said, tmp_path):
    with pytest.raises(ConfigError, match=said):
        train(tmp_path, *OPTIONS[:3], *options)


def test_a_value_that_is_no_share_is_refused(tmp_path):
    config = config_of(*OPTIONS)
    for value in (1.5, -0.1, "best", True, [0.5]):
        config["method"]["average_with_source"] = value
        with pytest.raises(ConfigError, match=r"method\.average_with_source"):
            refuse_wrong_values(config)
    with pytest.raises(ConfigError, match=r"method\.average_with_source.*at least 0.*auto"):
        train(tmp_path, config=config)
