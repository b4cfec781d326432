"""A process that crashes, hangs or says nonsense is an error."""

import asyncio
import sys
from typing import Any

import pytest

from wallflower.engines.children import ChildError, ask_child, peak_memory


def _ask(program: str, request: str = "", **more: Any) -> list[dict[str, Any]]:
    more.setdefault("patience_seconds", 30)
    return asyncio.run(ask_child([sys.executable, "-c", program], request, **more))


def test_answers_come_one_by_one_and_noise_is_left_out() -> None:
    seen: list[dict[str, Any]] = []
    program = (
        "import json, sys; request = json.load(sys.stdin); print('loading'); print('[1]'); print(7)\n"
        "for number in request: print(json.dumps({'number': number}))"
    )
    assert _ask(program, "[1, 2]", on_answer=seen.append) == [{"number": 1}, {"number": 2}]
    assert seen == [{"number": 1}, {"number": 2}]


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import os; os.kill(os.getpid(), 11)", "its process was ended by signal 11$"),
        ("import os; os.kill(os.getpid(), 9)", r"signal 9 \(there may be too little memory\)"),
        ("import sys; sys.exit('no such device')", "^no such device$"),
        ("import sys; sys.exit(3)", "exit code 3"),
        ("import sys; print('x' * 200_000, file=sys.stderr); sys.exit('the end')", "^the end$"),
    ],
)
def test_a_process_that_fails(program: str, said: str) -> None:
    with pytest.raises(ChildError, match=said):
        _ask(program, "a request that nobody reads" * 10_000)


@pytest.mark.parametrize(
    "program",
    [
        "import time; time.sleep(60)",
        "import os, time; print('{}', flush=True); os.close(1); time.sleep(60)",
    ],
)
def test_a_process_that_hangs_is_ended(program: str) -> None:
    with pytest.raises(ChildError, match="longer than"):
        _ask(program, patience_seconds=0.5)


def test_each_answer_buys_time() -> None:
    program = "import time\nfor _ in range(6): time.sleep(0.5); print('{}', flush=True)"
    assert len(_ask(program, patience_seconds=2.5)) == 6


async def test_a_request_that_is_cancelled_ends_the_process() -> None:
    program = "import os, time; print('{\"pid\": %d}' % os.getpid(), flush=True); time.sleep(60)"
    pid: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        ask_child(
            [sys.executable, "-c", program],
            patience_seconds=30,
            on_answer=lambda answer: pid.set_result(answer["pid"]),
        )
    )
    number = await pid
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    import psutil

    assert not psutil.pid_exists(number)


def test_peak_memory_is_in_bytes() -> None:
    assert 10_000_000 < peak_memory() < 100_000_000_000
