"""Where a run computes: device, ranks, precision, threads, seeds."""

import contextlib
import ctypes
import hashlib
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from translearn.config import Precision, RunConfig
from translearn.errors import ConfigError
from translearn.processor import bf16_of


@dataclass(frozen=True)
class Runtime:
    """One process of a run.

    Attributes:
        device: where tensors live.
        rank: this process among ``world``.
        world: number of processes.
        bf16: whether the forward pass runs under bf16 autocast.
        threads: CPU threads of PyTorch.
        precision_reason: why it is this precision, as part of a sentence.
    """

    device: torch.device
    rank: int
    world: int
    bf16: bool
    threads: int
    precision_reason: str = ""

    @staticmethod
    def start(run: RunConfig, rank: int = 0, world: int = 1) -> "Runtime":
        """Choose the device and its precision, and set determinism.

        One thread makes data and weights, so that they never depend on the number of threads;
        ``engine.workload.suited`` sets it once the net is known.

        Raises:
            ConfigError: the device that was asked for does not exist.
        """
        cuda = torch.cuda.is_available()
        if run.device == "cuda" and not cuda:
            raise ConfigError("run.device=cuda, and PyTorch sees no GPU here; use run.device=cpu")
        on_gpu = cuda and run.device != "cpu"
        if on_gpu and world > torch.cuda.device_count():
            raise ConfigError(
                f"run.gpus={world}, and there are {torch.cuda.device_count()}; "
                "lower it, or use run.device=cpu"
            )
        device = torch.device("cuda", rank) if on_gpu else torch.device("cpu")
        if on_gpu:
            torch.cuda.set_device(device)
        keep_freed_memory()
        torch.set_num_threads(1)
        deterministic(run.deterministic)
        bf16, reason = chosen_precision(run.precision, device)
        return Runtime(device, rank, world, bf16, 1, reason)

    @property
    def precision(self) -> str:
        """The number format of the forward pass, as recorded in the result."""
        return "bf16" if self.bf16 else "fp32"

    @property
    def summary(self) -> str:
        """Device, precision with its reason, and threads: the first line of a run."""
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        ranks = "" if self.world == 1 else f" in each of {self.world} ranks"
        return f"{self.device}, {self.precision} ({self.precision_reason}), {threads}{ranks}"

    @property
    def memory_format(self) -> torch.memory_format:
        """channels_last: the faster one in fp32 (1.2 to 1.35 times) and far more so in bf16."""
        return torch.channels_last

    def seed(self, number: int) -> None:
        """Seed what draws without a generator of its own, such as dropout.

        ``torch.manual_seed`` also asks for every backend that there may be, 1 % of a small step.
        """
        torch.default_generator.manual_seed(number)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(number)

    def autocast(self) -> AbstractContextManager[object]:
        """Bf16 autocast, or nothing in fp32."""
        if not self.bf16:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module, in a data-parallel wrapper if there are several ranks."""
        if self.world == 1:
            return module
        devices = [self.device.index] if self.device.type == "cuda" else None
        # rank 0's batch-norm statistics are broadcast before every step: those are the ones saved
        return DistributedDataParallel(module, device_ids=devices, broadcast_buffers=True)

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum of ``tensor`` over all ranks."""
        if self.world > 1:
            torch.distributed.all_reduce(tensor)
        return tensor

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over all ranks, in one exchange."""
        if self.world > 1:
            flat = torch.cat([tensor.flatten() for tensor in tensors])
            torch.distributed.all_reduce(flat)
            parts = flat.div_(self.world).split([tensor.numel() for tensor in tensors])
            for tensor, part in zip(tensors, parts, strict=True):
                tensor.copy_(part.view_as(tensor))

    def gather(self, tensor: Tensor) -> Tensor:
        """(ranks, *shape): the tensor of every rank."""
        if self.world == 1:
            return tensor[None]
        every = [torch.empty_like(tensor) for _ in range(self.world)]
        torch.distributed.all_gather(every, tensor)
        return torch.stack(every)

    def share_buffers(self, module: nn.Module) -> None:
        """Give every rank the buffers of rank 0, whose batch-norm statistics are the ones saved."""
        self.agree(module.buffers())

    def agree(self, tensors: Iterable[Tensor]) -> None:
        """Fill the same tensors on every rank with rank 0's values, in their order."""
        if self.world > 1:
            for tensor in tensors:
                whole = tensor.detach().to(self.device).contiguous()  # all that gloo and NCCL take
                torch.distributed.broadcast(whole, 0)
                tensor.detach().copy_(whole)

    def largest(self, number: int) -> int:
        """The largest of the ranks' numbers."""
        if self.world == 1:
            return number
        # every rank has to call this at the same step, or they wait for each other for ever
        value = torch.tensor(number, device=self.device)
        torch.distributed.all_reduce(value, torch.distributed.ReduceOp.MAX)
        return int(value)

    def rows(self, batch_size: int) -> slice:
        """This rank's part of a global batch."""
        # a slice of one global batch, so that the number of ranks does not change what is drawn
        return slice(
            batch_size * self.rank // self.world, batch_size * (self.rank + 1) // self.world
        )


def stable_seed(*parts: object) -> int:
    """A 63-bit seed that depends on nothing but ``parts``."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def available_cores() -> int:
    """Processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share_of_cores(world: int) -> int:
    """The most threads that pay for one of ``world`` processes: its share of the cores, at most 8.

    ``OMP_WAIT_POLICY=PASSIVE`` (set by tl-run) keeps several threads from collapsing on a busy
    machine; figures stand in benchmarks/README.md.
    """
    return max(1, min(8, available_cores() // world))


def chosen_precision(wanted: Precision, device: torch.device) -> tuple[bool, str]:
    """Whether to compute in bf16, and why: as asked for, or as the device does it best."""
    if wanted is not Precision.auto:
        return wanted is Precision.bf16, f"run.precision={wanted}"
    if device.type == "cuda":
        native = bool(torch.cuda.is_bf16_supported(including_emulation=False))
        return native, "this GPU computes in it" if native else "this GPU would emulate bf16"
    found = bf16_of()
    return found.fast, found.reason


def keep_freed_memory() -> None:
    """Let glibc reuse large blocks instead of returning them to the system after every step.

    A step on photos frees gigabytes; getting them back page by page took as long as computing:
    EfficientNet-lite0 at 224 pixels, 64 images a step, 5 s with this and 10 s without.
    """
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        allocator = ctypes.CDLL(None)
        trim_threshold, largest, mmap_max = -1, 2**31 - 1, -4  # names and numbers of malloc.h
        allocator.mallopt(mmap_max, 0)
        allocator.mallopt(trim_threshold, largest)


def deterministic(wanted: bool) -> None:
    """Ask PyTorch for the same bits every time (CPU kernels used here give them anyway)."""
    if wanted:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if wanted != torch.are_deterministic_algorithms_enabled():  # the call imports a compiler
        torch.use_deterministic_algorithms(wanted)
    torch.backends.cudnn.deterministic = wanted
    torch.backends.cudnn.benchmark = not wanted
