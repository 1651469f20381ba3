import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import torch
from utils.device import keep_freed_memory
torch.set_num_threads(1)
if sys.argv[1] == "keep":
    keep_freed_memory()
for _ in range(5):
    torch.ones(2**24).mul(2)  # 64 MiB each; the heap grows until it holds both
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(2**24).mul(2)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(mode):
    done = subprocess.run([sys.executable, "-c", FAULTS, mode], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a switch of glibc")
def test_freed_memory_is_used_again_without_being_fetched_anew():
    fetched, kept = page_faults("fetch"), page_faults("keep")
    # now and then the heap grows once more, where something small came to lie between
    assert kept < fetched / 4
    assert fetched > 100
