"""Where tensors live."""

import torch

from utils.errors import ConfigError


def choose_device(name: str) -> torch.device:
    """The device called `name`; `auto` is CUDA, else Apple's MPS, else the CPU. Raises: ConfigError."""
    _settle_vector_functions()
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"--device {name}: not available here ({reason}); use --device auto") from error
    return device


def _settle_vector_functions() -> None:
    """Have one thread make the first call of MKL's vector functions.

    Where several threads make it at once on a busy machine, now and then (2 of 145 processes) the exponential differs
    in its last bits from then on, and with it every sound that is computed by it.
    """
    torch.exp(torch.zeros(1))
