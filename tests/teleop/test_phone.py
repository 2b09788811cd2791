"""A phone as a source of commands: how it is held, what its page says, who is listened to."""

import contextlib
import hashlib
import json
import math
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from browser_pages import wait_for
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

pytest.importorskip("websockets", reason="the extra viewer is not installed")
pytest.importorskip("cryptography", reason="the extra viewer is not installed")

from phone_page import PhonePage
from websockets.exceptions import ConnectionClosed, InvalidStatus

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.teleop.commands import Command
from dexndm_gym.teleop.phone import STALE, PhoneSource
from dexndm_gym.teleop.phone_messages import PhoneMessage
from dexndm_gym.teleop.phone_orientation import Grip, orientation
from dexndm_gym.teleop.phone_server import PhoneServer
from dexndm_gym.teleop.session import TeleopSession
from dexndm_gym.viewer.snapshot import Snapshot

HALF = 0.5**0.5
THUMB_UP = np.array([HALF, -HALF, 0.0, 0.0])

angles = st.tuples(st.floats(0.0, 360.0), st.floats(-180.0, 180.0), st.floats(-90.0, 90.0))
headings = st.floats(0.0, 360.0)


def rotation(quaternion: Any) -> Rotation:
    return Rotation.from_quat(quaternion, scalar_first=True)


@given(angles)
@example((90.0, 180.0, -90.0))
def test_orientation_is_that_of_intrinsic_turns(held: tuple[float, float, float]) -> None:
    other = Rotation.from_euler("ZXY", held, degrees=True)
    assert (rotation(orientation(*held)).inv() * other).magnitude() < 1e-9


@given(headings, st.floats(-80.0, 80.0), st.floats(-30.0, 30.0))
def test_the_top_edge_points_along_the_axis(alpha: float, up: float, left: float) -> None:
    grip = Grip(orientation(alpha, 0.0, 0.0))
    level = math.cos(math.radians(up))
    wanted = [level * math.cos(math.radians(left)), level * math.sin(math.radians(left)), math.sin(math.radians(up))]
    assert grip.pointed(orientation(alpha + left, up, 0.0)) == pytest.approx(wanted, abs=1e-9)


@given(headings, st.sampled_from([0.0, 40.0, 90.0]), st.floats(-60.0, 60.0))
def test_turns_are_those_that_the_person_sees(alpha: float, raised: float, by: float) -> None:
    grip = Grip(orientation(alpha, raised, 0.0))
    raising = rotation(grip.turned(orientation(alpha, raised + by, 0.0))).as_rotvec(degrees=True)
    assert raising == pytest.approx([0.0, -by, 0.0], abs=1e-6), "about the right hand's side, which is -y"
    turning = rotation(grip.turned(orientation(alpha + by, raised, 0.0))).as_rotvec(degrees=True)
    assert turning == pytest.approx([0.0, 0.0, by], abs=1e-6)


def said(kind: str, value: Any = None, at: Any = 0.0) -> str:
    return json.dumps({"kind": kind, "value": value, "at": at})


@pytest.mark.parametrize(
    "text",
    [
        *("", "go", "[]", "null", "1e999", "[" * 1000, b"\xff\xfe", '{"kind": "here"}', said("here", 1)),
        *(said("command", name) for name in ("fly", "axis", None, ["stop"], {})),
        *(said("turns", what) for what in ("hand", None, 1, [])),
        *(said("orientation", held) for held in (None, [1, 2], [1, 2, 3, 4], [1, 2, "3"], [1, 2, True], [0, 0, 400])),
        *(said("orientation", held) for held in ([math.nan, 0, 0], [0, math.inf, 0], [10**400, 0, 0], {"0": 1})),
        *(said("here", at=at) for at in (math.nan, -math.inf, "now", None, True, 10**400)),
        *(said("speed", 1.0), json.dumps({"kind": ["here"], "value": None, "at": 0})),
        json.dumps({"kind": "here", "value": None, "at": 0, "more": 1}),
    ],
)
def test_what_is_no_message_is_dropped(text: Any) -> None:
    assert PhoneMessage.read(text) is None
    source = PhoneSource(lambda: 0.0)
    source.hear(source.welcome(), text)
    assert (source.connected, source.poll()) == (False, ())


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(
    st.text() | st.binary() | st.builds(said, st.sampled_from(["here", "command", "turns", "orientation"]), json_values)
)
def test_no_message_raises(text: str | bytes) -> None:
    source = PhoneSource(lambda: 0.0)
    source.show(moment())
    number = source.welcome()
    for spoken in (said("turns", "wrist"), text):
        source.hear(number, spoken)
    source.poll()


def moment(**more: Any) -> Snapshot:
    return Snapshot(time=1.0, position=START_POSE, task="hold the cube", **{"wrist": THUMB_UP, **more})


class Phone:
    """A page that says what a test wants it to, knowing the latest status."""

    def __init__(self, source: PhoneSource) -> None:
        self.source, self.number = source, source.welcome()

    @property
    def status(self) -> dict[str, Any]:
        return json.loads(self.source.status(self.number))

    def say(self, kind: str, value: Any = None, late: float = 0.0) -> None:
        self.source.hear(self.number, said(kind, value, self.status["at"] - late))

    def turn(self, what: str, *orientations: tuple[float, float, float]) -> tuple[Command, ...]:
        self.say("turns", what)
        commands: list[Command] = []
        for held in orientations:
            self.say("orientation", held)
            commands += self.source.poll()
        return tuple(commands)


@pytest.fixture
def source(clock: Any) -> PhoneSource:
    clock.now = 100.0
    source = PhoneSource(clock)
    source.show(moment())
    return source


@pytest.fixture
def phone(source: PhoneSource) -> Phone:
    phone = Phone(source)
    phone.say("here")
    return phone


def test_the_wrist_turns_from_where_it_was(phone: Phone) -> None:
    begin, raised = phone.turn("wrist", (70.0, 0.0, 0.0), (70.0, 90.0, 0.0))
    assert begin.value == pytest.approx(THUMB_UP)
    assert raised.name == "wrist"
    wanted = Rotation.from_euler("y", -90.0, degrees=True) * rotation(THUMB_UP)
    assert (rotation(raised.value).inv() * wanted).magnitude() < 1e-6
    assert phone.source.poll() == (), "it is said once"
    phone.source.show(moment(wrist=np.array(raised.value)))
    (anew,) = phone.turn("wrist", (70.0, 30.0, 10.0))
    assert anew.value == pytest.approx(raised.value), "chosen anew, it turns on from there"


def test_only_the_newest_orientation_counts(phone: Phone) -> None:
    phone.turn("axis", (10.0, 0.0, 0.0))
    for alpha in (40.0, 70.0, 100.0):
        phone.say("orientation", (alpha, 0.0, 0.0))
    (axis,) = phone.source.poll()
    assert axis.value == pytest.approx((0.0, 1.0, 0.0))
    assert phone.source.poll() == ()


def test_an_axis_is_said_when_it_changes(phone: Phone) -> None:
    held = ((10.0, 0.0, 0.0), (12.0, 1.0, 0.0), (10.0, 90.0, 0.0), (10.0, 89.0, 30.0))
    axes = [command.value for command in phone.turn("axis", *held)]
    assert axes == [pytest.approx((1.0, 0.0, 0.0)), pytest.approx((0.0, 0.0, 1.0))]


@pytest.mark.parametrize("what", ["stop", "reset", "stopped", "episode", "silence", "page"])
def test_what_breaks_off_ends_the_turning(phone: Phone, clock: Any, what: str) -> None:
    phone.turn("wrist", (0.0, 0.0, 0.0))
    assert phone.status["turns"] == "wrist"
    if what in ("stop", "reset"):
        phone.say("command", what)
    elif what == "silence":
        clock.now += 0.4
        phone.say("here")
    elif what == "page":
        phone = Phone(phone.source)
    else:
        phone.source.show(moment(paused=what == "stopped", episode=int(what == "episode")))
    phone.say("orientation", (90.0, 0.0, 0.0))
    assert [command.name for command in phone.source.poll()] == [what] * (what in ("stop", "reset"))
    assert phone.status["turns"] == "nothing"


def test_only_a_stop_counts_however_late(phone: Phone, clock: Any) -> None:
    clock.now += 0.4
    for name in ("go", "stop"):
        phone.say("command", name, late=STALE + 0.1)
    assert phone.source.poll() == (Command("stop"),)
    assert not phone.source.connected
    phone.say("command", "go", late=STALE - 0.1)
    assert phone.source.poll() == (Command("go"),)


def test_the_page_opened_last_steers(phone: Phone) -> None:
    other = Phone(phone.source)
    for name in ("go", "stop"):
        phone.say("command", name)
    assert (phone.source.poll(), phone.source.connected) == ((Command("stop"),), False)
    other.say("command", "go")
    assert (phone.source.poll(), phone.source.connected) == ((Command("go"),), True)
    phone.source.leave(phone.number)
    assert phone.source.connected
    phone.source.leave(other.number)
    assert not phone.source.connected


def test_a_silent_phone_makes_the_hand_hold_then_open(env: Any, nudge: Any, clock: Any, hand: Any) -> None:
    source = PhoneSource(clock)
    session, phone = TeleopSession(env, nudge, [source], clock=clock, sleep=lambda _: None), Phone(source)
    modes: list[str] = []

    def advance(seconds: float, speaks: bool) -> None:
        for _ in range(round(seconds / 0.05)):
            clock.now += 0.05
            if speaks and len(modes) % 2:  # ten times a second
                phone.say("here")
            source.show(session.advance())
            modes.append(session.steering.mode)

    phone.say("command", "go")
    advance(3.0, speaks=True)
    assert set(modes) == {"go"}
    modes.clear()
    advance(6.0, speaks=False)
    assert (modes.index("hold"), modes.index("open")) == pytest.approx((11, 45), abs=2)
    assert (modes[-1], hand.torque) == ("stop", False)
    assert "phone is gone" in phone.status["note"]


@pytest.fixture
def server(source: PhoneSource) -> Iterator[PhoneServer]:
    with PhoneServer(source, "127.0.0.1", 0) as server:
        yield server


def trust(server: PhoneServer) -> ssl.SSLContext:
    """Who has compared fingerprints trusts the certificate."""
    port = int(server.url.split(":")[2].split("/")[0])
    pem = ssl.get_server_certificate(("localhost", port))
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
    assert server.fingerprint.replace(":", "") == digest
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=pem)
    return context


def visit(server: PhoneServer) -> PhonePage:
    return PhonePage(server.url + "socket", trust(server))


def test_a_page_and_its_socket_share_a_port(server: PhoneServer, source: PhoneSource, clock: Any) -> None:
    with urllib.request.urlopen(server.url, context=trust(server)) as page:
        assert "EMERGENCY STOP" in page.read().decode()
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    with visit(server) as client:
        status = json.loads(client.recv())
        assert (status["doing"], status["at"], status["turns"]) == ("hold the cube", 100.0, "nothing")
        client.send("nonsense")
        client.recv()
        assert not source.connected
        client.send(said("command", "go", status["at"]))
        client.recv()
        assert (source.poll(), source.connected) == ((Command("go"),), True)
        clock.now += 0.25
        assert source.connected
        clock.now += 0.1
        assert not source.connected, "silent, though the connection is open"
        client.send(said("here", at=clock.now))
        client.recv()
        assert source.connected
    wait_for(lambda: not source.connected, "the closed page to be lost, by a clock that stands still")


@pytest.mark.parametrize("path", ["", "socket", "x/", "TOKEN", "TOKEN/x"])
def test_nobody_enters_without_the_token(server: PhoneServer, path: str) -> None:
    root, token = server.url.rstrip("/").rsplit("/", 1)
    url = f"{root}/{path.replace('TOKEN', token)}"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(url, context=trust(server))
    with pytest.raises(InvalidStatus):
        PhonePage(url, trust(server))


def test_a_second_page_takes_over(server: PhoneServer, source: PhoneSource) -> None:
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(visit(server))
        first.recv()  # now it is the first one for the server, too
        second = stack.enter_context(visit(server))
        second.recv()
        first.send(said("here", at=100.0))
        assert json.loads(first.recv())["steers"] is False
        with pytest.raises(ConnectionClosed):
            first.recv()
        second.send(said("command", "go", 100.0))
        assert json.loads(second.recv())["steers"] is True
        assert source.poll() == (Command("go"),)


def test_large_messages_end_the_connection(server: PhoneServer, source: PhoneSource) -> None:
    with visit(server) as client:
        client.recv()
        client.send(said("command", "stop") + " " * 2000)
        with pytest.raises(ConnectionClosed):
            client.recv()
    assert source.poll() == ()


def test_strangers_do_not_end_it(server: PhoneServer, source: PhoneSource) -> None:
    port = int(server.url.split(":")[2].split("/")[0])
    for sent in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01"):
        stranger = socket.create_connection(("localhost", port))
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # hang up at once
        stranger.sendall(sent)
        stranger.close()
    with visit(server) as client:
        assert json.loads(client.recv())["stopped"] is False


def test_closing_ends_connections_and_frees_the_port(source: PhoneSource) -> None:
    server = PhoneServer(source, "127.0.0.1", 0)
    with visit(server) as client:
        client.recv()
        port = int(server.url.split(":")[2].split("/")[0])
        with PhoneServer(source, "127.0.0.1", port) as other:
            assert not other.url.startswith(f"https://localhost:{port}/"), "the next free port"
        server.close()
        with pytest.raises(ConnectionClosed):
            client.recv()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("localhost", port))


@pytest.mark.parametrize("host", ["203.0.113.1", "no.such.host.invalid", "a" * 70, "::1"])
def test_addresses_that_are_not_here_are_refused(source: PhoneSource, host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"expected an IPv4 address .*0\.0\.0\.0"):
        PhoneServer(source, host, 8443)
