"""Checks a release: builds it, installs it into an empty environment, and runs the README's program there.

The wheel is built from the source distribution, so that what is missing in that is missing in both.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
"""Without paths to this checkout."""
LEAST_ROTATION = 1.0
"""What the README's program turns the object by if it works at all; it is 4 rad and more, rad."""


def main() -> None:
    """End with an error where something is missing or does not run."""
    sdist, wheel = build()
    missing = unshipped(sdist, wheel)
    if missing:
        sys.exit("left out of the release (see [options.package_data] in setup.cfg):\n" + "\n".join(missing))
    print(run_readme(wheel), end="")
    print(f"{wheel.name} and {sdist.name} hold every file of the package, and the README's program runs.")


def build() -> tuple[Path, Path]:
    """Source distribution and wheel, in dist/, which is emptied first."""
    shutil.rmtree(DIST, ignore_errors=True)
    # Old metadata in the checkout would add files that are gone, or hide new ones.
    shutil.rmtree(ROOT / "dexndm_gym.egg-info", ignore_errors=True)
    run([sys.executable, "-m", "build", "--outdir", DIST, ROOT])
    (sdist,), (wheel,) = DIST.glob("*.tar.gz"), DIST.glob("*.whl")
    return sdist, wheel


def unshipped(sdist: Path, wheel: Path) -> list[str]:
    """Files of the package, as git knows them, that one of the two archives lacks."""
    listed = run(["git", "-C", ROOT, "ls-files", "dexndm_gym"]).split()
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = set(archive.namelist())
    return [
        f"{path} ({archive})"
        for archive, names in (("sdist", in_sdist), ("wheel", in_wheel))
        for path in listed
        if path not in names
    ]


def run_readme(wheel: Path) -> str:
    """What the README's program prints where only the wheel and what it asks for are installed."""
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder, "env", "bin", "python")
        venv.create(Path(folder, "env"), with_pip=True)
        run([python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", f"{wheel}[real]"])
        where = run([python, "-c", "import dexndm_gym; print(dexndm_gym.__path__[0])"], cwd=folder).strip()
        if not where.startswith(folder):
            sys.exit(f"the environment is not empty: it found dexndm_gym in {where}")
        printed = run([python, "-c", program], cwd=folder)
    found = re.fullmatch(r"(-?[0-9.]+) rad in 20 s\n", printed)
    if not found or float(found[1]) < LEAST_ROTATION:
        sys.exit(f"the README's program should turn the object by {LEAST_ROTATION} rad in 20 s; it printed:\n{printed}")
    return printed


def run(command: list[str | Path], cwd: str | None = None) -> str:
    """What a command printed; ends this program where it fails."""
    result = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command[:4]))} ... ended with {result.returncode}\n{result.stdout[-2000:]}")
    return result.stdout


if __name__ == "__main__":
    main()
