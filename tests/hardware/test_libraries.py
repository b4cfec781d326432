"""Probes whose children do the worst that a library can do."""

import asyncio
import json
import os
import signal
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.hardware import libraries
from wallflower.hardware.cpu import read_cpu
from wallflower.hardware.facts import Cpu, ProbedDevice
from wallflower.hardware.libraries import crash_reason, install_hint, probe_library, read_answers

CPU = Cpu("some processor", "x86_64", 2, 2, frozenset({"avx", "avx2"}))
_START = """
import json, os, signal, subprocess, sys, time
def tell(**line): print(json.dumps(line), flush=True)
"""


def child(body: str) -> list[str]:
    """A child that runs `body`; what it is to leave out is in sys.argv[1:]."""
    return [sys.executable, "-c", _START + textwrap.dedent(body)]


def works(device: str) -> str:
    return f'tell(device="{device}", name="{device.upper()}", ran=True, problem="")\n'


@pytest.mark.parametrize("name", ["onnxruntime", "openvino", "pywhispercpp"])
async def test_the_real_thing(name: str) -> None:
    library = await probe_library(name, read_cpu())
    if library.version:
        assert library.problem == ""
        assert library.devices[0].device == "cpu"
        assert library.devices[0].ran is (name != "pywhispercpp")
        assert library.usable[0].device == "cpu"
    else:
        assert library.problem.startswith("not installed; install wallflower[")
        assert library.usable == ()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGILL, "SIGILL: this processor lacks instructions the library was built for"),
        (signal.SIGSEGV, "SIGSEGV: the library or a driver of it is broken"),
        (signal.SIGABRT, "SIGABRT: the library gave up"),
        (signal.SIGKILL, "SIGKILL: the system ended it"),
    ],
)
async def test_a_child_that_dies_while_it_loads(number: signal.Signals, said: str) -> None:
    library = await probe_library("x", CPU, command=child(f"os.kill(os.getpid(), {int(number)})"))
    assert library.problem.startswith(f"it crashed by {said}")
    assert library.usable == ()


async def test_a_real_illegal_instruction() -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("machine code for x86-64")
    body = """
        import ctypes, mmap
        page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        page.write(b"\\x0f\\x0b")  # ud2
        ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
    """
    assert "SIGILL" in (await probe_library("x", CPU, command=child(body))).problem


async def test_a_device_that_crashes_does_not_hide_the_others() -> None:
    body = f"""
        tell(version="7")
        if "cpu" not in sys.argv: {works("cpu").strip()}
        if "gpu" not in sys.argv:
            tell(trying="gpu")
            os.kill(os.getpid(), signal.SIGSEGV)
        tell(trying="npu")
        {works("npu").strip()}
        tell(done=True)
    """
    library = await probe_library("x", CPU, command=child(body))
    assert (library.version, library.problem) == ("7", "")
    assert [device.device for device in library.usable] == ["cpu", "npu"]
    gpu = next(device for device in library.devices if device.device == "gpu")
    assert "SIGSEGV" in gpu.problem


async def test_a_child_that_crashes_everywhere_is_not_asked_for_ever() -> None:
    body = """
        tell(trying=f"gpu.{len(sys.argv)}")
        os.kill(os.getpid(), signal.SIGILL)
    """
    library = await probe_library("x", CPU, command=child(body))
    assert library.usable == ()
    assert 1 < len(library.devices) < 10


async def test_a_child_that_hangs() -> None:
    begun = time.monotonic()
    library = await probe_library("x", CPU, command=child("time.sleep(1000)"), timeout_seconds=0.5)
    assert library.problem == "it hung: no answer within 0.5 s"
    assert time.monotonic() - begun < 10


async def test_what_a_hanging_child_started_is_ended_too(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    body = f"""
        other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
        open({str(note)!r}, "w").write(str(other.pid))
        time.sleep(1000)
    """
    await probe_library("x", CPU, command=child(body), timeout_seconds=1.5)
    assert await gone(int(note.read_text()))


async def test_cancelling_ends_the_child(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    body = f"""
        open({str(note)!r}, "w").write(str(os.getpid()))
        time.sleep(1000)
    """
    probing = asyncio.create_task(probe_library("x", CPU, command=child(body)))
    while not (note.exists() and note.read_text()):
        await asyncio.sleep(0.01)
    probing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probing
    assert await gone(int(note.read_text()))


async def gone(pid: int) -> bool:
    """Whether the process ends, or is only waited for by nobody."""
    for _ in range(100):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        await asyncio.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("print('Segment fault? no, just chatty')", "nonsense"),
        ("tell(done=1)", "nonsense"),
        ("tell(device='cpu')", "nonsense"),
        ("tell(version=3)", "nonsense"),
        ("print('[' * 50_000)", "nonsense"),
        ("sys.stdout.buffer.write(bytes(range(256)) * 4096)", "nonsense"),
        ("pass", "ended without an answer"),
        ("sys.exit(3)", "exit code 3"),
        ("raise ImportError('libcudart.so.13: cannot open shared object file')", "libcudart.so.13"),
        ("tell(version='1'); tell(done=True)", "it offers no device"),
        ("sys.stderr.write('x' * 1_000_000 + chr(10)); sys.exit(1)", "its probe failed: xxx"),
    ],
)
async def test_answers_that_are_none(body: str, said: str) -> None:
    library = await probe_library("x", CPU, command=child(body))
    assert said in library.problem
    assert len(library.problem) < 400
    assert library.usable == ()


async def test_a_wrong_result_is_a_problem_of_the_device() -> None:
    body = (
        works("cpu") + "tell(device='gpu', name='G', ran=False, problem='wrong result: [0]')\ntell(done=True)"
    )
    library = await probe_library("x", CPU, command=child(body))
    assert [device.device for device in library.usable] == ["cpu"]
    assert library.devices[1] == ProbedDevice("gpu", "G", ran=False, problem="wrong result: [0]")


async def test_a_crash_after_the_last_answer_matters_to_nobody() -> None:
    body = works("cpu") + "tell(done=True)\nos.kill(os.getpid(), signal.SIGSEGV)"
    assert (await probe_library("x", CPU, command=child(body))).problem == ""


async def test_code_for_another_processor_is_refused_before_it_runs() -> None:
    body = "tell(version='1', features=['avx2', 'avx512f'])\n" + works("cpu") + "tell(done=True)"
    library = await probe_library("x", CPU, command=child(body))
    assert library.problem == "it was built for avx512f, which this processor lacks"
    unknown = Cpu("unknown", "arm64", 8, 8, frozenset())
    assert (await probe_library("x", unknown, command=child(body))).problem == ""


async def test_a_command_that_is_not_there() -> None:
    library = await probe_library("x", CPU, command=["/nowhere/python"])
    assert "could not be started" in library.problem


async def test_a_library_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(libraries._MODULES, "openvino", "no_such_module_here")
    library = await probe_library("openvino", CPU)
    assert (library.version, library.problem) == ("", "not installed; install wallflower[openvino]")
    assert install_hint("onnxruntime") == "install onnxruntime"


def test_a_signal_without_a_name() -> None:
    assert crash_reason(200) == "it crashed by signal 200"
    assert crash_reason(signal.SIGUSR1) == "it crashed by SIGUSR1"


@given(st.binary(max_size=500))
def test_any_output_is_read(output: bytes) -> None:
    answers = read_answers(output)
    assert not (answers.done and answers.nonsense)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["version", "trying", "device", "name", "ran", "problem", "done", "features"]),
            st.sampled_from([None, True, False, 0, 1.5, "", "gpu", [], ["avx"], [1], {}]),
        ),
        max_size=6,
    )
)
def test_any_lines_are_read(lines: list[dict[str, object]]) -> None:
    answers = read_answers("\n".join(json.dumps(line) for line in lines).encode())
    assert all(isinstance(device.name, str) for device in answers.devices)
