"""Two gloo ranks of the self-taught methods: the same clusters on both, and those of one rank."""

import pytest
import torch
from runs import config_of, result_of, train, weights
from torch import distributed, multiprocessing

from translearn.artifacts.result import write_result
from translearn.engine import run
from translearn.methods.parts import clusters

SHARED = (
    "data=digits_photos", "run.device=cpu", "run.threads=1", "run.precision=fp32",
    "run.batch_size=16", "run.max_steps=6", "run.ema=0.5", "run.evaluations=1", "run.figures=false",
)  # fmt: skip
# without batch norm, negatives and SCAN's entropy, the mean over ranks is that of the whole batch
ALIKE = ("backbone=lenet", "method/pretext=autoencoder")
CASES = {
    "selftaught": ("method=selftaught", "data.target_labels_per_class=3", *ALIKE),
    "kmeans": ("method=selfcluster", "method/cluster=kmeans", *ALIKE),
    "scan": ("method=selfcluster", "method.cluster.entropy_weight=0", *ALIKE),
    "simclr": ("method=selfcluster", "method.cluster.selflabel_share=0.1", "backbone=wide"),
}


def one_rank(rank, folder, configs):
    """All cases on one of two ranks; the second one's k-means and neighbours come out otherwise."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2
    )
    fit, mine, run_method = (
        clusters.fit_kmeans,
        clusters.nearest_neighbours,
        run.run_method,
    )
    if rank == 1:
        clusters.fit_kmeans = lambda *given: fit(*given) + 1.0
        clusters.nearest_neighbours = lambda *given: mine(*given).flip(1)
    for case, config in configs.items():

        def kept(job, case=case):
            made = run_method(job)
            state = {**job.method.state_dict(), **job.method.kept}
            torch.save(state, folder / f"{case}{rank}.pt")
            return made

        run.run_method = kept
        (folder / case).mkdir(exist_ok=True)
        result = run.run_here(config, folder / case, rank, 2)
        if rank == 0:
            write_result(folder / case, result)
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    configs = {case: config_of(*SHARED, *options) for case, options in CASES.items()}
    multiprocessing.spawn(one_rank, (folder, configs), nprocs=2)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_both_ranks_end_with_the_same_state(case, two_ranks):
    first, second = (torch.load(two_ranks / f"{case}{rank}.pt") for rank in (0, 1))
    assert first.keys() == second.keys()
    assert ("neighbours" in first) is (case in ("scan", "simclr"))
    for name, tensor in first.items():
        assert torch.isfinite(tensor).all(), name
        assert torch.equal(tensor, second[name]), name


@pytest.mark.slow
@pytest.mark.parametrize("case", ["selftaught", "kmeans", "scan"])
def test_two_ranks_equal_one(case, two_ranks, tmp_path):
    alone = train(tmp_path, config=config_of(*SHARED, *CASES[case]))["metrics"]
    one, two = weights(tmp_path), weights(two_ranks / case)
    for name, weight in one.items():
        assert torch.allclose(weight, two[name], rtol=1e-3, atol=1e-4), name
    assert result_of(two_ranks / case)["metrics"] == pytest.approx(alone, abs=0.01)
