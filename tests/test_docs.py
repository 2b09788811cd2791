"""README and documentation: programs run, commands parse, links and names lead somewhere.

The Python blocks of a page run one after the other in one namespace. A block that needs hardware, a file or minutes
stands below a comment that says so: ``<!-- not run: needs a GPU -->``.
"""

import configparser
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dexndm_gym.cli import app, common, main
from dexndm_gym.virtual_hand import __main__ as virtual_hand_main

ROOT = Path(__file__).parent.parent
WRITTEN = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "docs" / "reference" / "api.md"]
PAGES = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in WRITTEN}

RUN_ELSEWHERE = {"README.md": "tests/test_readme.py", "docs/extending.md": "tests/test_extending.py"}
"""Pages whose programs need a test of their own."""

PLACEHOLDERS = {"N": "0", "STEPS": "1000", "COMMAND": "demo", "LOGS": "logs"}
"""Words that stand for a value of another type than a name."""

_BLOCK = re.compile(r"(<!-- not run: ([^>]*) -->\n)?^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
_SHELL = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`((?:dexndm|make|pip|python) [^`]+)`")
_LINK = re.compile(r"\]\(([^)#:\s]*)(?:#([^)\s]+))?\)")


def programs() -> dict[str, list[str]]:
    """The blocks of each page that run, joined by the line numbers that they have in the page."""
    found: dict[str, list[str]] = {}
    for page, text in PAGES.items():
        for block in _BLOCK.finditer(text):
            if block[1] is None and page not in RUN_ELSEWHERE:
                line = text[: block.start(3)].count("\n")
                found.setdefault(page, []).append("\n" * line + block[3])
    return found


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """Every command that a page shows, as words, with the page."""
    for page, text in PAGES.items():
        lines = [line for block in _SHELL.findall(text) for line in block.splitlines()]
        lines += [" ".join(line.split()) for line in _INLINE.findall(text)]
        for line in lines:
            words = shlex.split(line, comments=True)
            if words:
                yield page, [PLACEHOLDERS.get(word, word) for word in words]


@pytest.fixture
def parse_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let commands end as soon as their options are read and checked."""
    real = common.parse_options

    def parse(*arguments: Any) -> Any:
        real(*arguments)
        raise SystemExit(0)

    def stop(*arguments: Any, **options: Any) -> Any:
        raise SystemExit(0)

    monkeypatch.setattr(common, "parse_options", parse)
    # `dexndm virtual-hand` has a parser of its own; this is what it does with the options once they are read.
    monkeypatch.setattr(virtual_hand_main, "VirtualHandPhysics", stop)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("page", programs())
def test_python_blocks_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {}
    for block in programs()[page]:
        exec(compile(block, page, "exec"), namespace)


def test_programs_are_found() -> None:
    assert {"docs/quick_start.md", "docs/your_backend.md"} <= set(programs())
    assert all((ROOT / test).exists() for test in RUN_ELSEWHERE.values())


def test_every_block_not_run_compiles() -> None:
    for page, text in PAGES.items():
        for block in _BLOCK.finditer(text):
            assert block[1] is None or len(block[2].split()) > 1, f"{page}: no reason given"
            compile(block[3], page, "exec")


def test_dexndm_options_parse(parse_only: None, capsys: pytest.CaptureFixture[str]) -> None:
    wrong, tried = [], 0
    for page, words in command_lines():
        if words[0] != "dexndm":
            continue
        if len(words) == 2:  # its name alone, in a sentence
            assert words[1] in app.COMMANDS or words[1].startswith("-"), (page, words)
            continue
        tried += 1
        try:
            code = main(words[1:])
        except SystemExit as ending:
            code = ending.code
        if code:
            wrong.append((page, " ".join(words), capsys.readouterr().err))
    assert wrong == []
    assert tried > 30, "the pages' commands were not found"


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    variables = set(re.findall(r"^(\w+) \?=", makefile, re.MULTILINE))
    for page, words in command_lines():
        if words[0] == "make":
            assert re.search(rf"^{re.escape(words[1])}:", makefile, re.MULTILINE), (page, words)
            assert {word.partition("=")[0] for word in words[2:]} <= variables, (page, words)


def test_scripts_exist() -> None:
    scripts = [(page, words[1]) for page, words in command_lines() if words[0] == "python" and words[1][0] != "-"]
    assert [(page, script) for page, script in scripts if not (ROOT / script).exists()] == []


def test_extras_exist() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    known = set(config["options.extras_require"])
    for page, words in command_lines():
        if words[0] == "pip":
            for extras in re.findall(r"\[(.*?)\]", " ".join(words)):
                assert set(extras.split(",")) <= known, (page, words)


def test_links_lead_to_files_and_headings() -> None:
    generated = {ROOT / "docs" / "reference" / "commands.md"}
    for page, text in PAGES.items():
        for file, anchor in _LINK.findall(text):
            target = ((ROOT / page).parent / file).resolve() if file else ROOT / page
            assert target.exists() or target in generated, f"{page}: {file}"
            if anchor:
                assert anchor in _anchors(target), f"{page}: {file}#{anchor}"


def test_readme_is_short() -> None:
    assert len(PAGES["README.md"].splitlines()) < 80


def test_pages_name_every_command() -> None:
    shown = {words[1] for _, words in command_lines() if words[0] == "dexndm"}
    assert set(app.COMMANDS) - shown == set()


def _anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as code hosts and MyST make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
