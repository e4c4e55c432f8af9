"""Every exit code as a user meets it; test_exit_codes_of_parts.py has those of workers and jobs."""

import resource
import signal

import pytest
from runs import result_of, wait_for

from translearn.report.collect import collect

SHORT = ("run=smoke", "run.device=cpu")
LONG = (
    "run.device=cpu", "run.source_samples=2000000", "run.batch_size=8", "run.log_every=5",
    "run.save_seconds=0.5", "backbone=lenet",
)  # fmt: skip

# What goes wrong, how it is provoked, its exit code, and words of its message.
FAILURES = {
    "selection": (("run.select=target_val",), 2, "run.select"),
    "budget": (("data.target_labels_per_class=5000", "method=target_only"), 2, "choose 1 to"),
    "phase": (("+method.phases.train.lrr=1",), 2, "did you mean run.lr"),
    "no data": (("data=mnist_usps",), 3, "data=print_hand"),
    "not finite": (("run.lr=1e38", "run.clip=null", "run.max_steps=50"), 4, "not finite"),
}
ALIKE = ("budget", "phase")  # as "selection"


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.full if n in ALIKE else ()) for n in FAILURES]
)
def test_one_run(name, tl_run, tmp_path):
    overrides, code, words = FAILURES[name]
    done = tl_run(*SHORT, *overrides, f"hydra.run.dir={tmp_path}/run")
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    message = done.stderr[done.stderr.index("error: ") :]
    assert len(message.splitlines()) <= 6
    result = result_of(tmp_path / "run")
    assert (result["status"], result["exit_code"]) == ("failed", code)
    assert words in result["reason"]


@pytest.mark.full
def test_a_sweep_goes_on_after_a_failure_and_exits_with_1(tl_run, tmp_path):
    done = tl_run("-m", *SHORT, "data=print_hand,mnist_usps", f"hydra.sweep.dir={tmp_path}/sweep")
    assert done.returncode == 1
    assert "FAILED" in done.stdout
    assert "Traceback" not in done.stderr
    results = [result_of(tmp_path / "sweep" / job) for job in "01"]
    assert [result["status"] for result in results] == ["done", "failed"]
    assert results[1]["exit_code"] == 3


@pytest.mark.full
def test_a_sweep_that_goes_well_ends_with_a_table(tl_run, tmp_path):
    done = tl_run("-m", *SHORT, "method=source_only,dann", "seed=0,1", "hydra.sweep.dir=sweep")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "sweep").glob("*/result.json"))) == 4
    assert "source_only" in done.stdout and "±" in done.stdout


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.full)]
)
def test_signals_save_and_exit(number, start, tmp_path):
    process = start(*LONG, f"hydra.run.dir={tmp_path}/run")
    wait_for(tmp_path / "run" / "checkpoints" / "prev.pt", process)
    process.send_signal(number)
    _, message = process.communicate()
    assert process.returncode == 128 + number
    assert f"tl-run run.resume={tmp_path}/run" in message
    result = result_of(tmp_path / "run")
    assert (result["status"], result["exit_code"]) == ("interrupted", 128 + number)


@pytest.mark.full
def test_a_signal_stops_two_workers(start, tmp_path):
    process = start(*LONG, "run.gpus=2", f"hydra.run.dir={tmp_path}/run")
    wait_for(tmp_path / "run" / "checkpoints" / "prev.pt", process)
    process.terminate()
    process.communicate()
    assert process.returncode == 143
    assert result_of(tmp_path / "run")["exit_code"] == 143


@pytest.mark.full
@pytest.mark.parametrize("moment", [".hydra", ".lock", "checkpoints/last.pt"])
def test_a_signal_stops_a_whole_sweep(moment, start, tmp_path):
    """Before there is a job, while it reads its data, and in its training."""
    process = start("-m", *LONG, "seed=0,1", f"hydra.sweep.dir={tmp_path}/sweep")
    wait_for(tmp_path / "sweep" / "0" / moment, process)
    process.terminate()
    _, told = process.communicate()
    assert process.returncode == 143
    assert "run.skip_done=true" in told and "Traceback" not in told
    (job,) = collect([tmp_path / "sweep"])
    assert job.status == "interrupted" or (moment == ".hydra" and job.status == "killed")


@pytest.mark.full
def test_out_of_memory(tl_run, tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (12 * 2**30, 12 * 2**30))

    done = tl_run(
        "run.device=cpu", "run.max_steps=1", "run.batch_size=2000000", "run.source_samples=8000000",
        f"hydra.run.dir={tmp_path}/run", preexec_fn=limit,
    )  # fmt: skip
    assert done.returncode == 5, done.stderr
    assert "run.batch_size" in done.stderr
    assert result_of(tmp_path / "run")["exit_code"] == 5


@pytest.mark.full
def test_a_full_disk_keeps_the_old_checkpoint(start, tl_run, tmp_path):
    process = start(*LONG, "backbone=wide", f"hydra.run.dir={tmp_path}/run")
    checkpoints = tmp_path / "run" / "checkpoints"
    wait_for(checkpoints / "prev.pt", process)
    process.terminate()
    process.communicate()
    whole = (checkpoints / "last.pt").read_bytes()

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) // 2, len(whole) // 2))

    done = tl_run(f"run.resume={tmp_path}/run", preexec_fn=limit)
    assert done.returncode == 7, done.stderr
    assert "ulimit -f" in done.stderr
    assert result_of(tmp_path / "run")["exit_code"] == 7
    assert (checkpoints / "last.pt").read_bytes() == whole


@pytest.mark.full
def test_a_bug_exits_with_1_and_shows_its_traceback(tl_run, tmp_path):
    (tmp_path / "buggy.py").write_text(
        "from translearn.methods.source_only import SourceOnly\n"
        "class Buggy(SourceOnly):\n"
        "    def forward(self, phase, batch, progress):\n"
        "        return 1 / 0\n"
    )
    (tmp_path / "extra" / "method").mkdir(parents=True)
    (tmp_path / "extra" / "method" / "buggy.yaml").write_text(
        "_target_: buggy.Buggy\nname: buggy\nphases: {train: {}}\n"
    )
    trust = {"TRANSLEARN_TRUST": "buggy"}
    overrides = ("--config-dir", "extra", "method=buggy", *SHORT, "hydra.run.dir=run")
    refused = tl_run(*overrides)
    assert refused.returncode == 2
    assert "TRANSLEARN_TRUST" in refused.stderr
    done = tl_run(*overrides, "run.resume=auto", environment=trust)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert result_of(tmp_path / "run")["status"] == "failed"
