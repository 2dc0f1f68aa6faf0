"""What the fork server imports before it forks decoding processes.

Everything loaded here is shared by all of them. `gc.freeze` keeps the collector from writing into
those pages, which would make each process a copy of its own: 8 MB instead of 64.
"""

import gc

import numpy  # noqa: F401 - loaded before the process is confined
from PIL import JpegImagePlugin, PngImagePlugin  # noqa: F401 - the same

from apps.studies.decoding import pool  # noqa: F401 - the same

gc.collect()
gc.freeze()
