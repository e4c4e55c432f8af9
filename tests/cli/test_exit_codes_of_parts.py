"""The exit codes of a run's workers (run.gpus=2) and of the jobs of a sweep."""

import resource
import signal

import pytest
from runs import result_of, wait_for

SHORT = ("run=smoke", "run.device=cpu", "backbone=lenet")
BUGGY = (
    "from translearn.methods.source_only import SourceOnly\n"
    "class Buggy(SourceOnly):\n"
    "    def forward(self, phase, batch, progress):\n"
    "        return 1 / 0\n"
)

pytestmark = pytest.mark.full


@pytest.fixture
def buggy(tmp_path):
    """The options and the environment that select a method with a bug."""
    (tmp_path / "buggy.py").write_text(BUGGY)
    (tmp_path / "extra" / "method").mkdir(parents=True)
    (tmp_path / "extra" / "method" / "buggy.yaml").write_text(
        "_target_: buggy.Buggy\nname: buggy\nphases: {train: {}}\n"
    )
    return ("--config-dir", "extra", "method=buggy", *SHORT), {"TRANSLEARN_TRUST": "buggy"}


def little_memory():
    resource.setrlimit(resource.RLIMIT_AS, (12 * 2**30, 12 * 2**30))


def small_files():
    """The disk is full for every file over 20 kB."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def damage(folder):
    """Flip a bit of every checkpoint."""
    for path in (folder / "checkpoints").glob("*.pt"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)


MEMORY = ("run.batch_size=2000000", "run.source_samples=8000000")
# exit code: options, what is set before the start, words of the message
PROVOKED = {
    2: (("run.batch_size=7",), None, "choose a multiple of 2"),
    3: (("data=mnist_usps",), None, "data=print_hand"),
    4: (("run.lr=1e38", "run.clip=null", "run.max_steps=50"), None, "not finite"),
    5: (MEMORY, little_memory, "run.batch_size"),
    7: ((), small_files, "ulimit -f"),
}


@pytest.mark.parametrize("code", PROVOKED)
def test_workers(code, tl_run, tmp_path):
    options, prepare, words = PROVOKED[code]
    done = tl_run(*SHORT, "run.gpus=2", *options, "hydra.run.dir=run", preexec_fn=prepare)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    result = result_of(tmp_path / "run")
    assert (result["status"], result["exit_code"]) == ("failed", code)


def test_a_bug_of_a_worker(buggy, tl_run, tmp_path):
    options, environment = buggy
    done = tl_run(*options, "run.gpus=2", "hydra.run.dir=run", environment=environment)
    assert done.returncode == 1, done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert result_of(tmp_path / "run")["exit_code"] == 1


def test_workers_refuse_a_damaged_checkpoint(tl_run, tmp_path):
    options = (*SHORT, "run.gpus=2", "hydra.run.dir=run")
    assert tl_run(*options).returncode == 0
    damage(tmp_path / "run")
    (tmp_path / "run" / "result.json").unlink()  # as if it had been killed
    done = tl_run("run.resume=run")
    assert done.returncode == 6, done.stderr
    assert "checksum" in done.stderr
    assert result_of(tmp_path / "run")["exit_code"] == 6


def test_workers_stopped_by_the_keyboard(start, tmp_path):
    process = start(
        "run.device=cpu", "backbone=lenet", "run.batch_size=8", "run.source_samples=2000000",
        "run.log_every=5", "run.save_seconds=0.5", "run.gpus=2", "hydra.run.dir=run",
    )  # fmt: skip
    wait_for(tmp_path / "run" / "checkpoints" / "prev.pt", process)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate()
    assert process.returncode == 130, message
    assert result_of(tmp_path / "run")["exit_code"] == 130


@pytest.mark.parametrize("code", [code for code in PROVOKED if code != 2])
def test_jobs_of_a_sweep(code, tl_run, tmp_path):
    options, prepare, words = PROVOKED[code]
    sweep = ("-m", *SHORT, *options, "seed=0,1", "hydra.sweep.dir=sweep")
    done = tl_run(*sweep, preexec_fn=prepare)
    assert done.returncode == 1, done.stderr
    for job in "01":  # the second one ran although the first one had failed
        result = result_of(tmp_path / "sweep" / job)
        assert result["exit_code"] == code
        assert words in result["reason"]
        assert done.stdout.count("FAILED") == 2


def test_bugs_and_refusals_in_a_sweep(buggy, tl_run, tmp_path):
    options, environment = buggy
    done = tl_run("-m", *options, "hydra.sweep.dir=bug", environment=environment)
    assert done.returncode == 1, done.stderr
    assert result_of(tmp_path / "bug" / "0")["exit_code"] == 1

    sweep = ("-m", *SHORT, "seed=0,1", "hydra.sweep.dir=sweep")
    assert tl_run(*sweep).returncode == 0
    damage(tmp_path / "sweep" / "0")
    done = tl_run(*sweep, "run.resume=auto")
    assert done.returncode == 1, done.stderr
    codes = [result_of(tmp_path / "sweep" / job)["exit_code"] for job in "01"]
    assert codes == [6, 0]
    wrong = tl_run("-m", *SHORT, "run.select=target_val,last", "hydra.sweep.dir=select")
    assert wrong.returncode == 1
    codes = [result_of(tmp_path / "select" / job)["exit_code"] for job in "01"]
    assert codes == [2, 0]


def test_the_keyboard_stops_a_whole_sweep(start, tmp_path):
    process = start(
        "-m", "run.device=cpu", "backbone=lenet", "run.source_samples=2000000",
        "run.save_seconds=0.5", "seed=0,1", "hydra.sweep.dir=sweep",
    )  # fmt: skip
    wait_for(tmp_path / "sweep" / "0" / "checkpoints" / "last.pt", process)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert result_of(tmp_path / "sweep" / "0")["exit_code"] == 130
    assert not (tmp_path / "sweep" / "1").exists()
