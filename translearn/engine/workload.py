"""What a net asks of a processor: the precision and the threads that pay for it."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from math import prod

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from translearn.config import Precision, RunConfig
from translearn.data.types import Shape
from translearn.engine.rounding import wrong_in_bf16
from translearn.errors import ConfigError
from translearn.methods.base import Method
from translearn.runtime import Runtime, share_of_cores

# Multiply-adds of a forward pass from which on several threads pay, and bf16 on a GPU. Nets of
# digits stand below it, nets on photos above; benchmarks/README.md has the figures.
LARGE = 3_000_000_000


def suited(runtime: Runtime, run: RunConfig, method: Method, input_shape: Shape) -> Runtime:
    """The runtime with what pays for this net, where ``run`` leaves it open; sets the threads.

    It is decided by configuration and machine type, never by a measurement, so that the bits of a
    run stay the same.

    Args:
        runtime: what the device is good for.
        run: of the run.
        method: on the CPU still.
        input_shape: of its backbone.

    Raises:
        ConfigError: ``run`` asks for bf16, and this processor gets the net wrong in it.
    """
    threads = run.threads or default_threads(runtime, run, method, input_shape)
    torch.set_num_threads(threads)
    runtime = replace(runtime, threads=threads)
    if run.precision is Precision.auto and runtime.bf16:
        large = is_large(runtime, run, method, input_shape)
        reason = against_bf16(method, runtime.device, large)
        if reason:
            runtime = replace(runtime, bf16=False, precision_reason=reason)
    return refuse_wrong(runtime, run, method) if runtime.device.type == "cpu" else runtime


def refuse_wrong(runtime: Runtime, run: RunConfig, method: Method) -> Runtime:
    """The runtime in fp32 where this processor's bf16 would get the net wrong.

    Raises:
        ConfigError: bf16 was asked for.
    """
    wrong = wrong_in_bf16(method) if runtime.bf16 else ""
    if wrong and run.precision is not Precision.auto:
        raise ConfigError(
            f"run.precision=bf16: this processor and PyTorch {torch.__version__} compute\n"
            f"{wrong}\nwrongly in bf16\nleave run.precision out, or take other channels or kernels"
        )
    if not wrong:
        return runtime
    reason = f"bf16 is wrong for {wrong} here"
    return replace(runtime, bf16=False, precision_reason=reason)


def default_threads(runtime: Runtime, run: RunConfig, method: Method, input_shape: Shape) -> int:
    """One thread for a small net on a processor, else this process's share of the cores."""
    cores = share_of_cores(runtime.world)
    if cores == 1 or runtime.device.type == "cuda":
        return cores
    return cores if is_large(runtime, run, method, input_shape) else 1


def is_large(runtime: Runtime, run: RunConfig, method: Method, input_shape: Shape) -> bool:
    """Whether this process's part of a batch costs ``LARGE`` multiply-adds and more."""
    images = run.batch_size // runtime.world
    return images * multiply_adds(method.backbone, input_shape) >= LARGE


# Bytes of prepared samples, and samples, at a time where nothing learns. A processor's caches hold
# what a layer makes of 16 photos: EfficientNet-lite0 at 224 pixels takes 29 ms a photo in batches
# of 16 and 43 in batches of 128, which take three times the memory.
AT_ONCE = {"cpu": (10 * 2**20, 512), "cuda": (640 * 2**20, 4096)}
FEWEST = 8


def scoring_batch(run: RunConfig, shapes: Iterable[Shape], device: torch.device) -> int:
    """How many samples are scored, or passed through a network that stays as it is, at a time.

    ``run.eval_batch_size``, or a power of two by the size of a sample: never by what is free, since
    the last bits of features depend on it.

    Args:
        run: of the run.
        shapes: of prepared samples, of all tasks.
        device: that computes.
    """
    if run.eval_batch_size is not None:
        return run.eval_batch_size
    size, most = AT_ONCE[device.type]
    fit = size // (4 * max(prod(shape) for shape in shapes))
    return max(FEWEST, min(most, 1 << max(0, fit.bit_length() - 1)))


def multiply_adds(net: nn.Module, input_shape: Shape) -> int:
    """Multiply-adds of the convolutions and linear layers of ``net`` for one sample."""
    counts: list[int] = []
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Linear | _ConvNd)]
    hooks = [layer.register_forward_hook(partial(_count, counts)) for layer in layers]
    training = net.training
    try:
        with torch.no_grad():
            net.eval()(torch.zeros(1, *input_shape))
    finally:
        net.train(training)
        for hook in hooks:
            hook.remove()
    return sum(counts)


def _count(counts: list[int], layer: nn.Linear | _ConvNd, inputs: object, output: Tensor) -> None:
    counts.append(output.numel() * layer.weight[0].numel())


def against_bf16(model: nn.Module, device: torch.device, large: bool) -> str:
    """Why this net is slower in bf16 on a device that computes in it; empty if it is not.

    On a processor depthwise convolutions have no fast backward: EfficientNet-lite0 at 160 pixels
    trains on 18 images a core-second in bf16, 25 in fp32. A GPU waits for the host to launch the
    kernels of a small net, and bf16 adds the casts: 35,000 samples a second, 48,000 in fp32.
    """
    if device.type == "cuda":
        return "" if large else "on a GPU so small a net is slower in bf16"
    layers = (layer for layer in model.modules() if isinstance(layer, nn.Conv2d))
    depthwise = any(layer.groups > 1 for layer in layers)
    return "depthwise convolutions are slower in bf16 on a processor" if depthwise else ""
