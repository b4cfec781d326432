"""What ffmpeg says, without secrets and in plain words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.audio.complaints import KEPT_LINES, Complaint, Complaints
from wallflower.audio.url import parse_url

URL = parse_url("rtsp://visitor:p%40ss%2Fword@camera/a-very-long-secret-key/1?token=abcdef")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (
            "[rtsp @ 0x55aa] [error] method DESCRIBE failed: 401 Unauthorized",
            Complaint("wrong user name or password", True),
        ),
        (
            "[error] http://x/: Server returned 403 Forbidden (access denied)",
            Complaint("it refuses access (403)", True),
        ),
        (
            "[rtsp @ 0x1] [error] method DESCRIBE failed: 404 Not Found",
            Complaint("there is nothing at this path (404)"),
        ),
        (
            "[tcp @ 0x1] [error] Failed to resolve hostname nas: Name or service not known",
            Complaint("the host's name cannot be found"),
        ),
        (
            "[tcp @ 0x1] [error] Connection to tcp://h:1 failed: Connection refused",
            Complaint("the connection was refused"),
        ),
        ("[error] rtsp://me:x@camera/: Connection timed out", Complaint("it gave no answer")),
        ("[fatal] Stream map '0:a:0' matches no streams.", Complaint("it holds no sound", True)),
        ("[aac @ 0x2f] [error] something rare", Complaint("something rare")),
    ],
)
def test_in_plain_words(line: str, complaint: Complaint) -> None:
    complaints = Complaints(URL)
    complaints.add(b"[info] Input #0, rtsp")
    complaints.add(line.encode())
    assert complaints.complaint() == complaint


def test_a_camera_that_describes_a_picture_alone_and_one_that_describes_nothing() -> None:
    camera, dumb = Complaints(URL), Complaints(URL)
    for line in ("[rtsp @ 0x1] [verbose] SDP:", "v=0", "m=video 0 RTP/AVP 96", "[error] PLAY failed: 454"):
        camera.add(line.encode())
    assert camera.complaint() == Complaint("it holds no sound", True)
    dumb.add(f"[error] {URL.with_secrets()}: Invalid data found when processing input".encode())
    assert dumb.complaint() == Complaint("it gave no answer")


def test_nothing_said() -> None:
    complaints = Complaints(URL)
    complaints.add(b"[info] Duration: N/A, start: 0.0")
    assert complaints.complaint() is None
    assert not complaints.finite


def test_a_server_that_asks_for_a_password_that_was_not_given() -> None:
    complaints = Complaints(parse_url("http://camera/"))
    complaints.add(b"[http @ 0x1] [error] HTTP error 401 Unauthorized")
    assert complaints.complaint() == Complaint("it asks for a user name and a password", True)


def test_the_most_telling_comes_first_in_whatever_order_it_was_said() -> None:
    complaints = Complaints(URL)
    complaints.add(b"[error] rtsp://camera/: Invalid data found when processing input")
    complaints.add(b"[error] method DESCRIBE failed: 401 Unauthorized")
    assert complaints.complaint() == Complaint("wrong user name or password", True)


def test_the_last_fifty_lines_are_kept_and_long_ones_cut() -> None:
    complaints = Complaints(URL)
    for number in range(200):
        complaints.add(f"[warning] line {number} {'x' * 5000}".encode())
    assert len(complaints.lines) == KEPT_LINES
    assert complaints.lines[-1].startswith("[warning] line 199 xxx")
    assert max(map(len, complaints.lines)) == 500


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(sorted(URL.secrets())))
def test_no_secret_is_kept(before: str, after: str, secret: str) -> None:
    complaints = Complaints(URL)
    for text in (secret, URL.with_secrets(), f"tcp://{secret}@camera:554?timeout=0"):
        complaints.add(f"[error] {before}{text}{after}".encode())
    shown = "".join(complaints.lines) + str(complaints.complaint())
    for each in ("p@ss/word", "p%40ss%2Fword", "a-very-long-secret-key", "abcdef"):
        assert each not in shown


def test_bytes_that_are_no_text() -> None:
    complaints = Complaints(URL)
    complaints.add(b"[error] \xff\xfe\x00 broken")
    complaint = complaints.complaint()
    assert complaint is not None
    assert complaint.reason.endswith("broken")
