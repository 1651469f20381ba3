"""A device for tests that computes on the CPU, but is as strict as a GPU, and writes down when it makes the CPU wait.

Its tensors hold true numbers. It refuses tensors of the CPU beside its own, as every device does, and on request the
64-bit floating-point numbers that Apple's MPS lacks.
"""

import sys
from collections import Counter
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch
from torch.overrides import TorchFunctionMode
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode

from tests.places import ROOT

NAME = "pretend"

_aten = torch.ops.aten
_COPIES = {_aten._to_copy.default, _aten.copy_.default}
_DEPENDS_ON_VALUES = {
    _aten._local_scalar_dense.default: "item",
    _aten.nonzero.default: "nonzero",
    _aten.masked_select.default: "masked_select",
    _aten.equal.default: "equal",
    _aten._unique2.default: "unique",
    _aten.repeat_interleave.Tensor: "repeat_interleave",
}
_EAGER = {_aten._conj.default: _aten._conj_physical.default, _aten._neg_view.default: _aten.neg.default}
"""Operators below that only mark their result, in a way that is not seen where a mode computes."""
_WIDE = {torch.float64, torch.complex128}
_available = False


class RefusedError(RuntimeError):
    """What a real device would not have done."""


class _Module(getattr(backend_registration, "_DummyBackendModule", object)):
    """What torch asks of a device's own module."""

    def is_available(self):
        return _available

    def get_amp_supported_dtype(self):
        return [torch.bfloat16]


def register():
    """Tell torch of the device, once in a process; it counts as available within `pretending` only."""
    if hasattr(torch, NAME):
        return
    # private to torch, which may change it: see `missing`
    backend_registration._setup_privateuseone_for_python_backend(NAME, backend_module=_Module())
    library = torch.library.Library("aten", "IMPL")
    for operator in (_aten.conv2d.default, _aten.conv_transpose2d.input, _aten.linear.default, _aten.matmul.default):
        library.impl(operator, _in_bfloat16(operator), "AutocastPrivateUse1")
    every = torch.library.Library("_", "IMPL")
    every.fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")
    _Module.autocast = library, every  # torch forgets a library's functions together with it


def _in_bfloat16(operator):
    """`operator` as autocast runs it: on tensors of lower precision."""

    def lowered(tensor):
        return tensor.to(torch.bfloat16) if tensor.is_floating_point() else tensor

    def run(*args, **kwargs):
        key = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)
        with torch._C._ExcludeDispatchKeyGuard(key):
            return operator(*_mapped(lowered, args), **_mapped(lowered, kwargs))

    return run


class PretendTensor(torch.Tensor):
    """A tensor on the device; its numbers are in `numbers`, on the CPU."""

    @staticmethod
    def __new__(cls, numbers):
        place = {"strides": numbers.stride(), "storage_offset": numbers.storage_offset()}
        form = {"dtype": numbers.dtype, "layout": numbers.layout, "device": torch.device(NAME, 0)}
        tensor = torch.Tensor._make_wrapper_subclass(cls, numbers.size(), **place, **form)
        tensor.numbers = numbers
        return tensor

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunctionSubclass():
            if function is torch.Tensor.tolist:  # which torch itself refuses for every subclass
                return args[0].cpu().tolist()
            return function(*args, **(kwargs or {}))

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        raise RuntimeError(f"{function} outside of `pretending`")


class PretendDevice(TorchDispatchMode):
    """The device at work: `operators` are those it ran, `waits` how often each place in the code made the CPU wait."""

    def __init__(self, *, float64=True, found_inf=True):
        super().__init__()
        self.float64, self.found_inf, self.waits = float64, found_inf, Counter()
        self.operators = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        on_device, elsewhere = [], []
        _mapped(lambda tensor: (on_device if isinstance(tensor, PretendTensor) else elsewhere).append(tensor), args)
        _mapped(lambda tensor: (on_device if isinstance(tensor, PretendTensor) else elsewhere).append(tensor), kwargs)
        asked = kwargs.get("device")
        goes_there = asked is not None and torch.device(asked).type == NAME
        if not on_device and not goes_there:
            return function(*args, **kwargs)
        self.operators.add(function)
        if function in _COPIES:
            self._note_copy(function, args, kwargs, on_device, elsewhere)
        elif mixed := [tuple(tensor.shape) for tensor in elsewhere if tensor.dim()]:
            raise RefusedError(f"{function}: tensors of the CPU beside those of the device: {mixed}")
        else:
            self._note_dependence(function, args)
        return self._compute(function, args, kwargs, on_device)

    def _compute(self, function, args, kwargs, on_device):
        stays = function is not _aten._to_copy.default or kwargs.get("device") is None
        goes_there = not stays and torch.device(kwargs["device"]).type == NAME
        own = {id(tensor.numbers): tensor for tensor in on_device}
        plain = {key: torch.device("cpu") if key == "device" and value else value for key, value in kwargs.items()}
        if not self.found_inf and function is _aten._fused_adam_.default:
            plain["found_inf"] = None
        numbers, plain = _mapped(_numbers, args), _mapped(_numbers, plain)
        found = _EAGER.get(function, function)(*numbers, **plain)
        if torch.Tag.inplace_view in function.tags:  # such as transpose_: the shape of the outer tensor changes too
            with torch._C._DisableTorchDispatch():
                function(*args, **kwargs)
        if function is _aten.copy_.default:
            return own.get(id(found), found)
        if function is _aten._to_copy.default and not stays and not goes_there:
            # a copy even where the CPU would need none, since the device's memory is another
            return found.clone() if any(found is tensor.numbers for tensor in on_device) else found
        return _mapped(lambda tensor: self._wrapped(function, tensor, own), found)

    def _wrapped(self, function, numbers, own):
        if not self.float64 and numbers.dtype in _WIDE:
            raise RefusedError(f"{function}: this device has no {numbers.dtype}")
        return own[id(numbers)] if id(numbers) in own else PretendTensor(numbers)

    def _note_copy(self, function, args, kwargs, on_device, elsewhere):
        if function is _aten.copy_.default:
            crosses = bool(on_device and elsewhere)
            down = isinstance(args[1], PretendTensor)
        else:
            device = kwargs.get("device")
            crosses = device is not None and (torch.device(device).type == NAME) != bool(on_device)
            down = bool(on_device)
        if crosses:
            self.waits[f"{'from' if down else 'to'} the device in {_place()}"] += 1

    def _note_dependence(self, function, args):
        kind = _DEPENDS_ON_VALUES.get(function)
        if function in (_aten.index.Tensor, _aten.index_put.default, _aten.index_put_.default):
            masks = [index for index in args[1] if index is not None and index.dtype in (torch.bool, torch.uint8)]
            kind = "mask" if masks else None
        if kind:
            self.waits[f"{kind} in {_place()}"] += 1


def _mapped(function, value):
    """`value` with `function` applied to every tensor in it; torch's own way takes as long as all the rest here."""
    if isinstance(value, torch.Tensor):
        return function(value)
    if isinstance(value, dict):
        return {key: _mapped(function, each) for key, each in value.items()}
    return type(value)(_mapped(function, each) for each in value) if isinstance(value, list | tuple) else value


def _numbers(tensor):
    return tensor.numbers if isinstance(tensor, PretendTensor) else tensor


class _Constructors(TorchFunctionMode):
    """Makes tensors out of lists on the device, which torch does without asking a dispatch mode."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        device = kwargs.get("device")
        if function in (torch.tensor, torch.as_tensor) and device is not None and torch.device(device).type == NAME:
            return function(*args, **kwargs | {"device": "cpu"}).to(device)
        if function is torch.Tensor.new_tensor and isinstance(args[0], PretendTensor) and device is None:
            return torch.tensor(args[1], **{"dtype": args[0].dtype} | kwargs).to(args[0].device)
        return function(*args, **kwargs)


@contextmanager
def pretending(**options):
    """Within the block torch has the device; `options` are those of `PretendDevice`, which the block gets."""
    global _available
    register()
    _available = True
    try:
        # backward in this thread, whose stack then tells the place of each wait
        with torch.autograd.set_multithreading_enabled(False), _Constructors(), PretendDevice(**options) as device:
            yield device
    finally:
        _available = False


@cache
def missing():
    """Why this torch cannot pretend a device; None if it can."""
    try:
        with pretending():
            works = (torch.ones(1).to(NAME) + 1).cpu().item() == 2
    except Exception as error:  # whatever another version of torch does
        return f"torch {torch.__version__} cannot pretend a device ({' '.join(str(error).split())[:200]})"
    return None if works else f"torch {torch.__version__} computes nothing on a pretended device"


def _place():
    """File and function of the innermost frame of the product."""
    frame = sys._getframe(1)
    while frame:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT):
            inside = path.relative_to(ROOT)
            if inside.parts[0] not in ("tests", ".venv"):
                return f"{inside.as_posix()}:{frame.f_code.co_name}"
        frame = frame.f_back
    return "the test"
