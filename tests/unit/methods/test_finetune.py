"""Fine-tuning part by part: what a phase trains, copies, keeps frozen and compares with."""

import copy
from functools import partial

import pytest
import torch
from runs import checked
from torch.nn import functional as F

from translearn.backbones.digits import LeNet, Wide
from translearn.data.access import Labelled, TrainView
from translearn.engine.learners import learners
from translearn.errors import ConfigError
from translearn.methods.base import Budget
from translearn.methods.finetune import Finetune
from translearn.methods.parts.closeness_terms import (
    Feature,
    Output,
    Parameter,
    SpectralShrinkage,
)
from translearn.methods.parts.layers import LayerRates

SHAPE = (3, 28, 28)
SAME = {"source": ("a", "b", "c"), "target": ("a", "b", "c")}
OTHER = {"source": ("a", "b", "c"), "target": ("d", "e")}
BUDGET = Budget(1000, {"source": 10, "target": 10})
NO_VIEW = TrainView({})


def method(tasks=OTHER, backbone=Wide, **options):
    torch.manual_seed(0)
    return Finetune(backbone(SHAPE), tasks, **options)


def batch(phase, size=6, seed=0):
    x = torch.randn(size, *SHAPE, generator=torch.Generator().manual_seed(seed))
    index = torch.arange(size)
    return {phase: Labelled(x, index % 2, index)}


def entered(built, phase="target", warm=False):
    """The method as the engine trains it in a phase, after a source phase that moved weights.

    Of a phase that begins with a warm-up it is the rest, or the warm-up.
    """
    with torch.no_grad():
        for parameter in [*built.backbone.parameters(), *built.source_head.parameters()]:
            parameter.add_(0.01)
    plan = [p for p in built.phases(BUDGET) if p.name == phase][0 if warm else -1]
    built.enter(plan, NO_VIEW)
    built.requires_grad_(False)
    for part in learners(built, plan.learn):
        part.requires_grad_(True)
    return built.train()


def trained(built):
    return {name for name, parameter in built.named_parameters() if parameter.requires_grad}


def test_the_phases_share_the_budget():
    source, target = method(source_share=0.25).phases(BUDGET)
    assert (source.name, source.steps, source.score_after) == ("source", 25, ("source",))
    assert (target.name, target.steps, target.learn) == ("target", 75, ("backbone", "target_head"))


def test_a_pretrained_backbone_needs_no_source_phase():
    backbone = Wide(SHAPE)
    backbone.pretrained = True
    (target,) = Finetune(backbone, OTHER, source_share=0).phases(BUDGET)
    assert target.name == "target" and target.steps == 100
    assert not Finetune(backbone, OTHER, source_share=0).predicts("source")
    with pytest.raises(ConfigError, match="nothing to transfer"):
        method(source_share=0).phases(BUDGET)
    with pytest.raises(ConfigError, match="needs a source model"):
        Finetune(backbone, OTHER, source_share=0, closeness={"output": Output})


def test_the_source_phase_leaves_the_target_head_alone():
    names = trained(entered(method(), "source"))
    assert names and all(name.startswith(("backbone.", "source_head.")) for name in names)


@pytest.mark.parametrize(
    ("options", "copied"),
    [({}, True), ({"target_head": "new"}, False), ({"transfer": "first:2"}, False),
     ({"transfer": "last:1"}, True), ({"transfer": "first:1", "target_head": "source"}, True)],
)  # fmt: skip
def test_the_target_head_begins_as_the_source_head_where_that_makes_sense(options, copied):
    built = entered(method(SAME, **options))
    assert torch.equal(built.target_head[0].weight, built.source_head[0].weight) is copied


def test_groups_that_are_not_transferred_start_anew_from_their_random_weights():
    built = method(transfer="first:2")
    start = copy.deepcopy(built.backbone.state_dict())
    built = entered(built)
    for name, tensor in built.backbone.state_dict().items():
        if name.endswith("0.weight"):
            assert torch.equal(tensor, start[name]) is ("conv3" in name), name


def test_pretrained_groups_start_anew_from_random_weights():
    backbone = LeNet(SHAPE)
    backbone.pretrained = True
    pretrained = copy.deepcopy(backbone.state_dict())
    torch.manual_seed(1)
    built = Finetune(backbone, OTHER, transfer="first:1", source_share=0)
    built.enter(built.phases(BUDGET)[0], NO_VIEW)
    state = built.backbone.state_dict()
    assert torch.equal(state["layers.conv1.0.weight"], pretrained["layers.conv1.0.weight"])
    assert not torch.equal(state["layers.conv2.0.weight"], pretrained["layers.conv2.0.weight"])


@pytest.mark.parametrize(
    ("freeze", "frozen"),
    [("none", ()), ("all", ("conv1", "conv2", "conv3")), ("first:1", ("conv1",)),
     (["conv3"], ("conv3",))],
)  # fmt: skip
def test_frozen_groups_are_not_trained_and_keep_their_statistics(freeze, frozen):
    built = entered(method(freeze=freeze))
    before = copy.deepcopy(built.state_dict())
    assert not any(group in name for name in trained(built) for group in frozen)
    optimizer = torch.optim.SGD(built.param_groups(0.1))
    sum(built("target", batch("target"), 0.0).values()).backward()
    optimizer.step()
    for name, tensor in built.state_dict().items():
        if name.startswith("backbone."):
            assert torch.equal(tensor, before[name]) is (name.split(".")[2] in frozen), name
    assert built.backbone.layers["conv2"].training is ("conv2" not in frozen)


def test_statistics_of_frozen_groups_may_follow_the_target():
    built = entered(method(freeze="all", layers=partial(LayerRates, frozen_statistics=False)))
    before = built.backbone.layers["conv1"][2].running_mean.clone()
    built("target", batch("target"), 0.0)
    assert not torch.equal(before, built.backbone.layers["conv1"][2].running_mean)


def test_batch_norm_of_a_frozen_group_still_learns_in_the_source_phase():
    assert entered(method(freeze="all"), "source").backbone.layers["conv1"].training


def test_frozen_ones_are_chosen_from_the_transferred_ones():
    assert method(transfer="last:2", freeze="all").frozen == ("conv2", "conv3")
    with pytest.raises(ConfigError, match=r"method\.freeze.*'conv1'; the groups are conv2, conv3"):
        method(transfer="last:2", freeze=["conv1"])
    with pytest.raises(ConfigError, match=r"method\.transfer=first:4: there are only 3"):
        method(transfer="first:4")


def test_rates_fall_from_the_head_down_as_in_ulmfit():
    """Section 3.2: eta of layer l - 1 is that of layer l over 2.6, the head being the last."""
    built = entered(method(SAME, layers=partial(LayerRates, rate_decay=1 / 2.6)))
    rates = [group["lr"] for group in built.param_groups(1.0)]
    assert rates == pytest.approx([1.0, 1 / 2.6, 1 / 2.6**2, 1 / 2.6**3])


@pytest.mark.parametrize("tasks", [SAME, OTHER])
@pytest.mark.parametrize("kinds", [{"parameter": Parameter}, {"output": Output}])
def test_l2_sp_replaces_the_weight_decay_of_what_was_transferred(kinds, tasks):
    built = entered(method(tasks, closeness=kinds, transfer="last:2"))
    groups = built.param_groups(1.0)
    spared = {id(p) for g in groups if g.get("weight_decay") == 0.0 for p in g["params"]}
    copied = [built.target_head] if built.copies_head else []
    moved = [p for head in copied for p in head.parameters()]
    moved += built.backbone.group_parameters(("conv2", "conv3"))
    assert spared == ({id(p) for p in moved} if "parameter" in kinds else set())


def test_every_group_has_a_rate_of_its_own():
    rates = partial(LayerRates, transferred_rate=0.5, rate_decay=0.1)
    built = entered(method(transfer="first:2", layers=rates))
    groups = built.param_groups(1.0)
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    assert len(rates) == sum(len(group["params"]) for group in groups) == len(trained(built))
    expected = {"conv1": 0.5 * 0.001, "conv2": 0.5 * 0.01, "conv3": 0.1}
    for name, parameter in built.named_parameters():
        if parameter.requires_grad:
            known = 1.0 if "head" in name else expected[name.split(".")[2]]
            assert rates[id(parameter)] == pytest.approx(known), name


def test_groups_are_unfrozen_one_after_the_other():
    groups = entered(method(layers=partial(LayerRates, gradual=0.6))).param_groups(1.0)
    assert [group.get("starts", 0.0) for group in groups] == pytest.approx([0.0, 0.2, 0.4, 0.6])


def test_every_term_equals_a_slow_reference():
    kinds = {
        "output": partial(Output, weight=2.0, temperature=3.0),
        "parameter": partial(Parameter, beta=0.02),
        "feature": partial(Feature, weight=0.3),
        "bss": partial(SpectralShrinkage, weight=0.5),
    }
    built = entered(method(closeness=kinds, transfer="first:2"))
    teacher = copy.deepcopy(built.closeness.teacher)
    assert {name.split(".")[0] for name in trained(built)} == {
        "backbone", "target_head", "source_head",
    }  # fmt: skip
    with torch.no_grad():
        for parameter in built.parameters():
            if parameter.requires_grad:
                parameter.mul_(1.1)
    data = batch("target")
    x, y, _ = data["target"]
    terms = built("target", data, 0.0)
    assert list(terms) == ["label", "output", "feature", "bss", "parameter"]

    layers, old = built.backbone.layers, teacher.backbone.eval().layers
    map1, old1 = layers["conv1"](x), old["conv1"](x)
    map2, old2 = layers["conv2"](map1), old["conv2"](old1)
    features, old_features = layers["conv3"](map2).flatten(1), old["conv3"](old2).flatten(1)
    label = F.cross_entropy(built.target_head(features), y)
    new_p = (built.source_head(features) / 3).softmax(1)
    old_p = (teacher.head(old_features) / 3).softmax(1)
    output = 2.0 * 9 * (old_p * (old_p / new_p).log()).sum() / len(x)
    feature = 0.3 * (((map1 - old1) ** 2).mean() + ((map2 - old2) ** 2).mean()) / 2
    bss = 0.5 * torch.linalg.svd(features)[1][-1] ** 2
    moved = sum(
        ((p - q) ** 2).sum()
        for mine, start in ((layers["conv1"], old["conv1"]), (layers["conv2"], old["conv2"]),
                            (built.source_head, teacher.head))
        for p, q in zip(mine.parameters(), start.parameters(), strict=True)
    )  # fmt: skip
    fresh = sum((p**2).sum() for part in (layers["conv3"], built.target_head)
                for p in part.parameters())  # fmt: skip
    parameter = 0.1 / 2 * moved + 0.02 / 2 * fresh
    expected = {"label": label, "output": output, "feature": feature, "bss": bss,
                "parameter": parameter}  # fmt: skip
    for name, value in expected.items():
        assert terms[name].item() == pytest.approx(value.item(), rel=1e-3), name


def test_at_its_start_the_model_is_close():
    kinds = {"output": Output, "parameter": Parameter, "feature": Feature}
    built = entered(method(SAME, closeness=kinds)).eval()
    terms = built("target", batch("target"), 0.0)
    for name in ("output", "parameter", "feature"):
        assert terms[name].item() == pytest.approx(0.0, abs=1e-6), name


def test_the_teacher_is_the_source_model_and_stays_it():
    built = entered(method(closeness={"output": Output}))
    teacher = copy.deepcopy(built.closeness.teacher.state_dict())
    assert torch.equal(teacher["head.0.weight"], built.source_head[0].weight)
    assert not built.closeness.teacher.training
    optimizer = torch.optim.SGD(built.param_groups(0.1))
    sum(built("target", batch("target"), 0.0).values()).backward()
    optimizer.step()
    for name, tensor in built.closeness.teacher.state_dict().items():
        assert torch.equal(tensor, teacher[name]), name
    assert not torch.equal(teacher["head.0.weight"], built.source_head[0].weight)


def test_each_task_is_predicted_by_its_head():
    built = entered(method()).eval()
    x = batch("target")["target"].x
    assert built.predict(x, "source").shape == (6, 3)
    assert built.predict(x, "target").shape == (6, 2)


@pytest.mark.parametrize(
    ("found", "options", "message"),
    [
        (Output, {"temperature": 0.0}, "above 0"), (LayerRates, {"gradual": 1.5}, "gradual=1.5"),
        (Finetune, {"source_share": 1.0}, "source_share=1.0"),
        (Finetune, {"target_head": "old"}, "one of auto, source, new"),
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused(found, options, message):
    with pytest.raises(ConfigError, match=message):
        checked(found, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"closeness": {"bss": partial(SpectralShrinkage, weight=-1.0)}}, "below 0"),
        ({"closeness": {"feature": Feature}, "freeze": "all"}, "not frozen"),
        ({"target_head": "source"}, "target's classes"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        method(**options)


WARM = {"output": partial(Output, warmup=0.5)}


@pytest.mark.parametrize(
    ("tasks", "options", "warms_up"),
    [(OTHER, {}, True), (SAME, {"target_head": "new"}, True), (SAME, {}, False),
     (OTHER, {"freeze": "all"}, False), (OTHER, {"transfer": "first:2"}, True)],
)  # fmt: skip
def test_a_new_head_warms_up_before_all_is_tuned(tasks, options, warms_up):
    """Li & Hoiem, section 3: theta_s and theta_o are frozen first, and theta_n is trained."""
    built = method(tasks, closeness=WARM, **options)
    _, *target = built.phases(BUDGET)
    if not warms_up:
        assert [(p.part, p.steps) for p in target] == [("whole", 50)]
        return
    warm, rest = target
    assert (warm.part, warm.steps, rest.part, rest.steps) == ("head", 25, "rest", 25)
    assert rest.learn == (*method(tasks, **options).phases(BUDGET)[1].learn, "source_head")
    new = ("target_head.", "backbone.layers.conv3.") if "transfer" in options else ("target_head.",)
    entered(built, warm=True)
    before = copy.deepcopy(built.state_dict())
    optimizer = torch.optim.SGD(built.param_groups(0.1))
    assert trained(built) == {n for n, _ in built.named_parameters() if n.startswith(new)}
    sum(built("target", batch("target"), 0.0).values()).backward()
    optimizer.step()
    for name, tensor in built.state_dict().items():
        assert torch.equal(tensor, before[name]) is not name.startswith(new), name
    built.requires_grad_(False)
    for part in learners(built, rest.learn):
        part.requires_grad_(True)
    assert built.train().backbone.layers["conv1"].training


@pytest.mark.parametrize("tasks", [SAME, OTHER])
def test_there_is_no_warm_up_without_old_outputs(tasks):
    for kinds in ({}, {"parameter": Parameter}, {"output": partial(Output, weight=0.0)}):
        assert len(method(tasks, closeness=kinds, target_head="new").phases(BUDGET)) == 2
