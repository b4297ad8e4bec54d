"""A pytest plugin: the simulator under ASan and UBSan in the place of the usual one.

Rules     given with -p, so that it is loaded before anything imports kyusim. KYUSIM_SIM names the
          module; the sanitizers' runtime is preloaded by whoever starts Python (ci/test.py does).
"""

from __future__ import annotations

import importlib.util
import os
import sys

_spec = importlib.util.spec_from_file_location("kyusim._sim", os.environ["KYUSIM_SIM"])
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
sys.modules["kyusim._sim"] = _module
_spec.loader.exec_module(_module)
