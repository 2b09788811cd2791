"""Prints the lowest version that setup.cfg allows of each requirement, as constraints for pip.

Requirements without a lower bound are left out: of those pip takes the newest. A bound has to be a version that was
released: pip finds nothing for ``scipy==1.11``, of which 1.11.0 was withdrawn.
"""

import configparser
import re
from pathlib import Path

SETUP = Path(__file__).parents[1] / "setup.cfg"
BOUND = re.compile(r"^(?P<name>[A-Za-z0-9_.-]+)(\[[^]]*\])?>=(?P<version>[0-9.]+)", re.MULTILINE)


def lowest_pins(setup: str) -> list[str]:
    """The requirements of a setup.cfg, of the package and of its extras, each at its lower bound, sorted."""
    parser = configparser.ConfigParser()
    parser.read_string(setup)
    requirements = [parser["options"]["install_requires"], *parser["options.extras_require"].values()]
    return sorted({f"{found['name']}=={found['version']}" for text in requirements for found in BOUND.finditer(text)})


if __name__ == "__main__":
    print("\n".join(lowest_pins(SETUP.read_text())))
