"""The report on a folder of results."""

from pathlib import Path

from dexndm_gym import __version__
from dexndm_gym.evaluation.report.findings import Findings, find_results
from dexndm_gym.evaluation.report.sections import (
    collection_section,
    demo_section,
    evaluation_section,
    gap_section,
    general_section,
)
from dexndm_gym.evaluation.report_page import listing, page
from dexndm_gym.outputs import write_bytes
from dexndm_gym.progress import Progress


def write_folder_report(folder: Path, path: Path, *, videos: bool = True, progress: Progress | None = None) -> Findings:
    """Write one HTML file on everything in a folder; what was found.

    Args:
        folder: where to look, folders in it included.
        path: file to write; an existing one is replaced.
        videos: also show recordings moving.
        progress: told while videos are drawn.

    Raises:
        FileNotFoundError: there is no such folder.
        ConfigurationError: there is nothing in it to report.
        OutputError: the file cannot be written.
    """
    found = find_results(folder)
    title = folder.resolve().name
    sections = [f"<h1>{title}</h1>"]
    sections += evaluation_section(found.evaluations) if found.evaluations else []
    sections += gap_section(found.gaps) if found.gaps else []
    sections += general_section(found.generals) if found.generals else []
    sections += demo_section(found.demos) if found.demos else []
    sections += collection_section(found.recordings, videos=videos, progress=progress) if found.recordings else []
    about = {"Version": f"dexndm_gym {__version__}"}
    if found.passed_over:
        about["Passed over"] = ", ".join(found.passed_over)
    write_bytes(path, page(title, [*sections, "<h2>About</h2>", listing(about)]))
    return found
