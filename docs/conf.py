"""Configuration of the documentation site: ``make docs``."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

from dexndm_gym import __version__ as release  # noqa: E402

project = "dexndm_gym"
version = release
copyright = "the dexndm_gym developers"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "command_reference",
    "mermaid",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build"]
templates_path = ["_templates"]

html_theme = "furo"
html_title = f"dexndm_gym {release}"

myst_heading_anchors = 3
# The same fence draws the diagram on code hosts and here.
myst_fence_as_directive = ["mermaid"]

autosummary_ignore_module_all = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_inherit_docstrings = False
autodoc_mock_imports = ["mujoco_warp", "warp"]
napoleon_use_ivar = True
