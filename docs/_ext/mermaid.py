"""The ``mermaid`` directive: a diagram that the reader's browser draws; offline its source is shown."""

import html

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

SCRIPT = """
import mermaid from "https://cdn.jsdelivr.net/npm/mermaid@11/dist/mermaid.esm.min.mjs";
mermaid.initialize({startOnLoad: true});
"""


class Mermaid(Directive):
    """Keeps the source of a diagram for the browser."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """The diagram as a block of HTML."""
        source = html.escape("\n".join(self.content))
        return [nodes.raw("", f'<pre class="mermaid">{source}</pre>', format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive and the script that draws."""
    app.add_directive("mermaid", Mermaid)
    app.add_js_file(None, body=SCRIPT, type="module")
    return {"parallel_read_safe": True}
