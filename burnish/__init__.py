"""Burnish: better models through better data, as one loop.

The library can be used without an orchestrator; the packages `assets`, `resources` and
`pipelines` beside it turn it into a graph of Dagster assets. Importing `burnish` loads
nothing heavy: reach for the room you need (`burnish.labels`, `burnish.slices`, ...).
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("burnish")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
