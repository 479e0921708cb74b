"""Makes ``timm_weights`` importable; there is nothing in this folder that could hide timm."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
