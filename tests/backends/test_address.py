import pytest

from dexndm_gym.backends.address import find_hand
from dexndm_gym.errors import ConfigurationError


@pytest.mark.parametrize(
    ("option", "variable", "port", "text"),
    [
        (None, None, "virtual", "virtual hand 3"),
        (None, "", "virtual", "virtual hand 3"),
        (None, "/dev/a", "/dev/a", "the hand on /dev/a (from DEXNDM_PORT)"),
        (None, "virtual", "virtual", "virtual hand 3 (from DEXNDM_PORT)"),
        ("/dev/b", "/dev/a", "/dev/b", "the hand on /dev/b"),
        ("virtual", "/dev/a", "virtual", "virtual hand 3"),
    ],
)
def test_option_before_variable_before_virtual(
    monkeypatch: pytest.MonkeyPatch, option: str | None, variable: str | None, port: str, text: str
) -> None:
    monkeypatch.delenv("DEXNDM_PORT", raising=False)
    if variable is not None:
        monkeypatch.setenv("DEXNDM_PORT", variable)
    address = find_hand(option, 3)
    assert (address.port, str(address)) == (port, text)
    assert address.is_virtual == (port == "virtual")


def test_a_port_without_a_name_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="Expected a serial port"):
        find_hand(" ")
