"""What is free is told by whoever limits it most; what libraries say of memory is understood."""

import pytest

from translearn.errors import LostError, OutOfMemoryError
from translearn.system import memory
from translearn.system.memory import free_memory, gigabytes, refuse_too_large
from translearn.system.problems import of_type


def test_free_memory_is_that_of_this_machine():
    free = free_memory()
    assert free is not None and 2**24 < free < 2**50


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, None),
        ({"memory.max": "max", "memory.current": "5"}, None),
        ({"memory.max": "1000", "memory.current": "300"}, 700),
        ({"memory.max": "1000", "memory.current": "3000"}, 0),
        (
            {"memory.max": "1000", "memory.current": "900",
             "memory.stat": "anon 300\nactive_file 200\ninactive_file 50\n"},
            350,
        ),
        (
            {"memory/memory.limit_in_bytes": "90", "memory/memory.usage_in_bytes": "30",
             "memory/memory.stat": "garbage"},
            60,
        ),
    ],
)  # fmt: skip
def test_the_limit_of_a_container_counts(tmp_path, monkeypatch, files, free):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(memory, "GROUPS", tmp_path)
    without = memory._of_machine()
    assert memory._of_container() == free
    assert free is None or free_memory() <= min(free, without)


def test_the_limit_of_the_process_counts(monkeypatch):
    import resource

    limits = (10**12, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", lambda which: limits)
    assert 0 < memory._of_process() < 10**12
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY,) * 2)
    assert memory._of_process() is None


def test_what_needs_more_is_refused_with_both_numbers():
    refuse_too_large("a step", 17e9, "lower it", free=17_000_000_000)
    with pytest.raises(OutOfMemoryError) as caught:
        refuse_too_large("a step", 40.4e9, "lower it", free=17_000_000_000)
    assert str(caught.value) == "a step needs about 40 GB, 17 are free\nlower it"
    assert [gigabytes(size) for size in (0, 2e6, 1.26e9, 9.97e9, 1e13)] == [
        "0", "0.002", "1.3", "10.0", "10000"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [
        "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: "
        "you tried to allocate 256000000000 bytes. Error code 12 (Cannot allocate memory)",
        "[enforce fail at alloc_cpu.cpp:75] . DefaultCPUAllocator: not enough memory: you tried to "
        "allocate 1 bytes.",
        "std::bad_alloc",
        "bad allocation",
        "CUDA out of memory. Tried to allocate 20.00 GiB",
        "CUDA error: out of memory",
        "CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "HIP out of memory",
        "could not create a memory object",
        "could not create a primitive",
        "unable to mmap 4096 bytes from file </torch_1>: Cannot allocate memory (12)",
        "unable to allocate shared memory(shm) for file </torch_2>: No space left on device (28)",
        "Storage size calculation overflowed with sizes=[9223372036854775807, 2]",
        "Unable to allocate 3.00 TiB for an array",
        "can't start new thread",
    ],
)
def test_no_memory_in_whatever_words_is_the_same_error(words):
    found = of_type(RuntimeError(words))
    assert isinstance(found, OutOfMemoryError) and found.exit_code == 5
    assert "lower run." in str(found) and len(str(found).splitlines()) == 2


@pytest.mark.parametrize("error", [MemoryError(), MemoryError("x"), OSError(12, "no memory")])
def test_no_memory_of_python_and_the_system_is_too(error):
    assert isinstance(of_type(error), OutOfMemoryError)


def test_torchs_own_errors_are_understood():
    import torch

    for make in (
        lambda: torch.empty(2**60, dtype=torch.uint8),
        lambda: torch.zeros(2**61, 16),
        lambda: torch.ones(1).expand(2**55).clone(),
    ):
        with pytest.raises((RuntimeError, MemoryError)) as caught:
            make()
        assert isinstance(of_type(caught.value), OutOfMemoryError), caught.value


@pytest.mark.parametrize(
    "error", [RuntimeError("mat1 and mat2 shapes"), ValueError("out of memory"), KeyError("x")]
)
def test_other_errors_stay_what_they_are(error):
    assert of_type(error) is error


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("DataLoader worker (pid 12) is killed by signal: Killed. Details", "pid 12.* Killed"),
        ("DataLoader worker (pid(s) 3, 4) exited unexpectedly", "pid 3, 4.* without a word"),
    ],
)
def test_a_lost_worker_is_named_in_two_lines(words, told):
    with pytest.raises(LostError, match=told) as caught:
        raise of_type(RuntimeError(words))
    assert "run.workers=0" in str(caught.value) and len(str(caught.value).splitlines()) == 2
