"""What integration tests and demo stand on: a private cupsd, fake servers, real mail."""
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.path.abspath(os.environ.get("POSTROOM_BUILD", ROOT / "build")))
PPD = ROOT / "ppd" / "postroom.ppd"

sys.path.insert(0, str(ROOT / "tests"))  # for `from fakes import …`


def built(name):
    """The path of a program that was built. That it is missing is a failure, no skip."""
    path = BUILD / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; run make first")
    return path
