"""Where tests find the project, arrays made by the published code, and material that lies beside the project."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden"
SHARED = ROOT.parent / "shared"
"""Not there for most: what needs it is skipped then."""
