"""The number format that networks compute in: float32, or bfloat16 where the processor is fast in it."""

import logging
import platform
from functools import partial
from pathlib import Path
from timeit import repeat

import torch

logger = logging.getLogger(__name__)

_CPU_INFO = Path("/proc/cpuinfo")


def has_bf16(device: torch.device) -> bool:
    """Whether the processor of `device` has instructions for bfloat16, and torch uses them; False where unknown."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    # the last one also heeds ONEDNN_MAX_CPU_ISA, but alone it is true of processors on which bfloat16 is emulated
    return _cpu_has_bf16() and torch._C._has_mkldnn and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def warn_if_slow(device: torch.device) -> None:
    """Say so if bfloat16 is likely to be slower than float32 on `device`, on a CPU how many times slower."""
    if has_bf16(device):
        return
    measured = f": a convolution takes {_slowdown():.3g} times as long as in float32" if device.type == "cpu" else ""
    text = "--precision bf16: no bfloat16 instructions of %s are known%s; float32 is likely to be faster"
    logger.warning(text, device, measured)


def _cpu_has_bf16() -> bool:
    if platform.machine().lower() in ("x86_64", "amd64"):
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    if not _CPU_INFO.is_file():
        return False
    lines = _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    return any(line.startswith("Features") and "bf16" in line.split() for line in lines)


@torch.inference_mode()
def _slowdown() -> float:
    """How many times longer a small convolution takes in bfloat16 than in float32; takes a fifth of a second."""
    seconds = []
    for dtype, times in ((torch.float32, 20), (torch.bfloat16, 4)):  # a fast one takes 0.2 ms, an emulated one 40 ms
        image, kernel = torch.ones(4, 32, 64, 16, dtype=dtype), torch.ones(32, 32, 3, 3, dtype=dtype)
        convolve = partial(torch.conv2d, image, kernel, padding=1)
        seconds.append(min(repeat(convolve, number=1, repeat=times)))
    return seconds[1] / seconds[0]
