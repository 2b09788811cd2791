"""What all reports are made of: one HTML file with plots, tables and videos in it."""

import base64
import html
import io
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from dexndm_gym.evaluation.videos import Picture, encode


def page(title: str, sections: Sequence[str]) -> bytes:
    """A whole page of sections of HTML."""
    return _PAGE.format(title=html.escape(title), style=_STYLE, body="\n".join(sections)).encode()


def plot(figure: Figure, caption: str, *, dpi: int = 160) -> str:
    """A figure with a caption, which is HTML."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f"<figure><img alt='{html.escape(caption, quote=True)}' src='data:image/png;base64,{data}'>"
        f"<figcaption>{caption}</figcaption></figure>"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]], colors: Sequence[str] = ()) -> str:
    """A table; the first cell of a row is its label, which may have a color. Cells are HTML."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = ""
    for number, (label, *cells) in enumerate(rows):
        dot = f"<i style='background:{colors[number]}'></i>" if colors else ""
        body += f"<tr><th>{dot}{label}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def video(frames: Sequence[Picture], captions: Sequence[str], remark: str) -> str:
    """Frames as a video that plays by itself, with captions side by side and a remark below, all HTML.

    Where no video can be made, the page says why.
    """
    try:
        data = base64.b64encode(encode(frames)).decode()
    except (OSError, ImportError, RuntimeError) as error:
        return f"<p class='note'>No video could be made: {html.escape(str(error))}</p>"
    beneath = "".join(f"<figcaption>{caption}</figcaption>" for caption in captions)
    return (
        "<figure class='video'><video autoplay loop muted playsinline controls "
        f"src='data:video/mp4;base64,{data}'></video>"
        f"<div class='columns' style='grid-template-columns: repeat({len(captions)}, 1fr)'>{beneath}</div>"
        f"<figcaption>{remark}</figcaption></figure>"
    )


def listing(items: Mapping[str, str]) -> str:
    """Names with what belongs to them, both HTML."""
    return f"<dl>{''.join(f'<dt>{name}</dt><dd>{value}</dd>' for name, value in items.items())}</dl>"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head>
<body><main>
{body}
</main></body></html>
"""

_STYLE = """
:root { color: #1f2937; background: #fff; font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
body { margin: 0; } main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; letter-spacing: -0.015em; margin: 0 0 0.75rem; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 0.75rem; }
.lead { color: #4b5563; max-width: 46rem; margin: 0 0 1.75rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 0.5rem 0.75rem; border-bottom: 1px solid #e5e7eb; font-weight: 400; }
th:first-child { text-align: left; padding-left: 0; } thead th { color: #6b7280; font-size: 0.85rem; }
tbody th { font-weight: 600; }
i { display: inline-block; width: 0.7rem; height: 0.7rem; border-radius: 2px; margin-right: 0.6rem; }
figure { margin: 2rem 0 0; } img, video { width: 100%; height: auto; display: block; border-radius: 6px; }
figcaption { color: #6b7280; font-size: 0.88rem; margin-top: 0.4rem; }
.two { display: grid; grid-template-columns: 3fr 2fr; gap: 1.5rem; }
.columns { display: grid; } .columns figcaption { text-align: center; }
.note { color: #6b7280; border-left: 3px solid #e5e7eb; padding-left: 0.9rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.3rem 1.5rem; margin: 0; }
dt { color: #6b7280; } dd { margin: 0; font-variant-numeric: tabular-nums; }
@media (max-width: 40rem) { .two { grid-template-columns: 1fr; } }
"""
