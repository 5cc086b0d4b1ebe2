"""Keep numpy's products on one thread; imported before numpy.

They are small here: OpenBLAS would spend more on waking a second thread than on the product, twice
the processor time of a whole plan of 300 households, and many times that on a busy machine. Whoever
set a number keeps it.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
