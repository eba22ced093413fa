"""Sphinx configuration: Markdown pages, furo, and a reference made of the docstrings."""

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from plain_docstrings import as_restructured_text  # noqa: E402

from burnish import __version__  # noqa: E402

project = "Burnish"
author = "The Burnish maintainers"
copyright = "The Burnish maintainers"
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
# Two rooms may have a class of the same name; a reference to it then takes the first.
suppress_warnings = ["ref.python"]

autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
autodoc_typehints = "signature"
autodoc_type_aliases = {"PredProbs": "PredProbs", "Labels": "Labels", "ArrayLike": "ArrayLike"}
python_use_unqualified_type_names = True
default_role = "code"

html_theme = "furo"
html_title = "Burnish"
html_show_sphinx = False
html_copy_source = False


def every_module(*event):
    """Turn a line `.. every-module:: PACKAGE` into an automodule for each module of it."""
    source = event[-1]

    def listed(found):
        folder = HERE.parent.joinpath(*found[1].split("."))
        names = sorted(path.stem for path in folder.glob("[a-z]*.py"))
        parts = [f".. automodule:: {found[1]}.{name}\n   :members:\n" for name in names]
        return "\n".join(parts)

    source[0] = re.sub(r"^\.\. every-module:: ([\w.]+)$", listed, source[0], flags=re.MULTILINE)


def setup(app):
    app.connect("source-read", every_module)
    app.connect("autodoc-process-docstring", as_restructured_text)
