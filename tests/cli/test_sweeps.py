"""Sweeps as a user meets them: killed, hanging and finished jobs, and every launcher."""

import os
import signal
import time
from pathlib import Path

import pytest
from runs import outcome, result_of, wait_for
from surroundings import HANG

SMALL = (
    "run.device=cpu", "run.threads=1", "run.precision=fp32", "run.figures=false",
    "backbone=lenet", "method=source_only", "augment=none",
)  # fmt: skip
ENDLESS = 2_000_000
JOBS = (*SMALL, "run.batch_size=8", "run.save_seconds=0.3")
EXTRAS = {
    "joblib": "hydra_plugins.hydra_joblib_launcher",
    "submitit_local": "hydra_plugins.hydra_submitit_launcher",
    "optuna": "hydra_plugins.hydra_optuna_sweeper",
}


def holder(folder):
    """The process that runs in a run folder: it holds the folder's lock open."""
    wanted = str(folder.resolve() / ".lock")
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) == wanted:
                return int(link.parts[2])
        except OSError:
            continue
    raise AssertionError(f"nobody runs in {folder}")


@pytest.mark.full
def test_a_killed_job_becomes_a_row_and_the_rest_goes_on(start, tmp_path):
    sweep = tmp_path / "sweep"
    process = start("-m", *JOBS, f"run.source_samples={ENDLESS},64", f"hydra.sweep.dir={sweep}")
    wait_for(sweep / "0" / "checkpoints" / "prev.pt", process)
    os.kill(holder(sweep / "0"), signal.SIGKILL)
    out, err = process.communicate()
    assert process.returncode == 1, err
    assert "KILLED source_only on print_hand seed=0: job 0 (pid " in out
    assert "was lost: killed by SIGKILL" in out
    assert "Traceback" not in err
    killed, done = result_of(sweep / "0"), result_of(sweep / "1")
    assert (killed["status"], killed["metrics"]) == ("killed", {})
    assert done["status"] == "done"
    assert done["objective"] == {
        "metric": "source/val/accuracy", "value": done["metrics"]["source/val/accuracy"],
    }  # fmt: skip


@pytest.mark.full
def test_skip_done_runs_what_is_missing_and_continues_what_was_killed(start, tl_run, tmp_path):
    """A sweep whose main process is killed, then repeated, is the sweep that was left alone."""
    jobs = (*JOBS, "seed=0,1,2", "run.source_samples=3000")
    whole = tl_run("-m", *jobs, "hydra.sweep.dir=whole", "output_root=elsewhere")
    assert whole.returncode == 0, whole.stderr
    process = start("-m", *jobs)
    sweep = wait_for_folder(tmp_path / "outputs" / "sweeps", process)
    wait_for(sweep / "1" / "checkpoints" / "prev.pt", process)
    job = holder(sweep / "1")
    process.kill()
    process.communicate()
    wait_until(lambda: not Path(f"/proc/{job}").exists())  # it stops without its parent
    assert result_of(sweep / "1")["status"] == "interrupted"
    first = (sweep / "0" / "result.json").read_bytes()

    done = tl_run("-m", *jobs, "run.skip_done=true")
    assert done.returncode == 0, done.stderr
    assert "job 0 is done already" in done.stdout
    assert "KILLED" not in done.stdout
    assert (sweep / "0" / "result.json").read_bytes() == first
    second = max((tmp_path / "outputs" / "sweeps").iterdir())
    assert second != sweep
    for folder, number in ((sweep / "0", 0), (sweep / "1", 1), (second / "2", 2)):
        assert outcome(folder) == outcome(tmp_path / "whole" / str(number))

    again = tl_run("-m", *jobs, "run.skip_done=true", f"hydra.sweep.dir={second}")
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("is done already") == 3
    assert table(again.stdout) == table(done.stdout)
    used = tl_run("-m", *jobs, f"hydra.sweep.dir={second}")
    assert used.returncode == 2
    assert "run.skip_done=true" in used.stderr
    other = tl_run("-m", *jobs, "seed=3,4,5", "run.skip_done=true", f"hydra.sweep.dir={second}")
    assert other.returncode == 2
    assert "holds a run of other options" in other.stderr


@pytest.mark.full
@pytest.mark.parametrize(
    ("launcher", "jobs", "states"),
    [
        (
            "joblib",
            (
                "run.job_minutes=null,0.05", f"run.source_samples={ENDLESS},64",
                "run.select=last,target_val",
            ),
            ["killed", "failed", "done", "failed", "failed", "failed"],
        ),
        (
            "submitit_local", (f"run.source_samples={ENDLESS}", "run.select=last,target_val"),
            ["killed", "failed"],
        ),
    ],
)  # fmt: skip
def test_other_launchers_end_in_the_same_way(launcher, jobs, states, start, tmp_path):
    """The first job is killed, the second one fails; with joblib the fifth one is too slow."""
    pytest.importorskip(EXTRAS[launcher])
    process = start(
        "-m", *JOBS, f"sweep={launcher}", *jobs, "hydra.sweep.dir=sweep",
        environment={"CUDA_VISIBLE_DEVICES": "4,5"},
    )  # fmt: skip
    folders = [tmp_path / "sweep" / str(number) for number in range(len(states))]
    wait_for(folders[0] / "checkpoints" / "last.pt", process)
    os.kill(holder(folders[0]), signal.SIGKILL)
    out, err = process.communicate()
    assert process.returncode == 1, err
    assert "Traceback" not in err
    results = [result_of(folder) for folder in folders]
    assert [result["status"] for result in results] == states
    assert "run.select=target_val" in results[1]["reason"]
    assert "KILLED source_only on print_hand seed=0: job 0 (pid " in out
    assert "was lost: killed by SIGKILL" in out
    assert "FAILED source_only on print_hand seed=0: run.select=target_val" in out
    if launcher == "joblib":
        assert results[2]["environment"]["cuda_visible_devices"] in ("4", "5")
        assert "run.job_minutes=0.05" in results[4]["reason"]


@pytest.mark.full
def test_optuna_searches_and_goes_on_with_its_storage(tl_run, tmp_path):
    pytest.importorskip(EXTRAS["optuna"])
    search = (
        "-m", *SMALL, "sweep=optuna", "run.source_samples=640",
        "hydra.sweeper.storage=sqlite:///study.db",
        "hydra.sweeper.params={run.lr: 'choice(0.1,1e30,0.01)'}",
    )  # fmt: skip
    first = tl_run(*search, "hydra.sweeper.n_trials=4", "hydra.sweep.dir=first")
    second = tl_run(*search, "hydra.sweeper.n_trials=1", "hydra.sweep.dir=second")
    folders = [*(tmp_path / "first" / str(job) for job in range(4)), tmp_path / "second" / "0"]
    results = [result_of(folder) for folder in folders]
    states = {result["status"] for result in results}
    for done, part in ((first, results[:4]), (second, results[4:])):
        failed = any(result["status"] != "done" for result in part)
        assert done.returncode == int(failed), done.stderr
    import optuna

    trials = optuna.load_study("translearn", f"sqlite:///{tmp_path}/study.db").trials
    assert len(trials) == 5
    for trial, result in zip(trials, results, strict=True):
        assert (trial.value is None) == (result["status"] != "done")
        assert trial.value == result.get("objective", {}).get("value")
    assert states == {"done", "failed"}


def table(text):
    return text[text.index("data: print_hand, ") :]


def wait_until(true):
    end = time.monotonic() + HANG
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def wait_for_folder(root, process):
    wait_until(lambda: list(root.glob("*/0")) or process.poll() is not None)
    return max(root.iterdir())
