"""A Dagster asset-based multi-omics warehouse for drug resistance in lung cancer."""

import os

# Sums of linear algebra differ in their last digits by the number of threads, and what is cut by them (neighbours, say)
# differs visibly: one thread, so that a machine of other cores gives the same versions. Before numpy is imported.
for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[_name] = "1"
