"""The environment that tests run real commands in: one thread, no data, this checkout."""

import os
import sys

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "TRANSLEARN_DATA": "/nonexistent/translearn-data",
    "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
}

HANG = 900  # seconds: a guard against waiting for ever on a busy machine, no test is about time
