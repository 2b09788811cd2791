"""``dexndm view``, from the shell."""

from typing import Any

import pytest

from dexndm_gym.cli import main


def test_torque_goes_before_the_page_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("viser", reason="the extra viewer is not installed")
    from dexndm_gym.envs.rotate_env import LeapRotateEnv

    closed: list[str] = []

    class Page:
        url, events = "", tuple

        def __init__(self, *_: object) -> None: ...

        def __enter__(self) -> "Page":
            return self

        def __exit__(self, *_: object) -> None:
            closed.append("page")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    inner = LeapRotateEnv.close

    def close(env: Any) -> None:
        closed.append("env")
        inner(env)

    monkeypatch.setattr("dexndm_gym.viewer.page_process.PageProcess", Page)
    monkeypatch.setattr("dexndm_gym.viewer.session.view", interrupted)
    monkeypatch.setattr(LeapRotateEnv, "close", close)
    assert main(["view", "sim"]) == 130
    assert closed[:2] == ["env", "page"]
