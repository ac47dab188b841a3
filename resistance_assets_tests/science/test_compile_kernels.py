"""Every compiled kernel is compiled when the package is installed, not by the first analysis."""

import subprocess
import sys

# In a process of its own: here other tests have called the kernels already. A kernel that another one calls is compiled
# into it and shows no signature of its own.
LOOK = """
import importlib, pkgutil
from numba.core.dispatcher import Dispatcher
from resistance_assets import science
from resistance_assets.science import compile_kernels

for part in compile_kernels.PARTS.values():
    part()
names = [
    m.name
    for m in pkgutil.walk_packages(science.__path__, "resistance_assets.science.")
    if (".kernels." in m.name) and not m.ispkg
]
assert len(names) >= 7, names
found = {
    f"{name}.{function}": kernel
    for name in names
    for function, kernel in vars(importlib.import_module(name)).items()
    if isinstance(kernel, Dispatcher) and kernel.py_func.__module__.endswith(name)
}
called = {callee for kernel in found.values() for callee in kernel.py_func.__code__.co_names}
print(*(name for name, kernel in found.items() if name.rsplit(".", 1)[1] not in called and not kernel.signatures))
"""


def test_no_kernel_is_left_to_the_first_analysis():
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
