"""A Dagster asset-based multi-omics warehouse for drug resistance in lung cancer."""

import os

# Sums of linear algebra differ in their last digits by the number of threads, and what is cut by them (neighbours, say)
# differs visibly: one thread, so that a machine of other cores gives the same versions. Before numpy is imported.
for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[_name] = "1"

# What polars frees goes back to the system at once, not when polars allocates again: a worker that has made a table of
# ten million rows otherwise keeps a gigabyte through the next step, whose queries want it. Before polars is imported.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:0,muzzy_decay_ms:0")
