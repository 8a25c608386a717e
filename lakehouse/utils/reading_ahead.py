"""Reading what comes next in a thread while what came before is worked on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


async def read_ahead(values: Iterator[T], count: int) -> AsyncGenerator[T]:
    """The values in their order, at most `count` of them read before they are asked for; none of them may be None.

    An error of the iterator comes where its value would have come. When the generator is closed, nothing is read any
    more: close it (`contextlib.aclosing`) before what the iterator reads from.
    """
    loop, reader = asyncio.get_running_loop(), ThreadPoolExecutor(1)
    try:
        ahead = deque(loop.run_in_executor(reader, next, values, None) for _ in range(count))
        while (value := await ahead.popleft()) is not None:
            ahead.append(loop.run_in_executor(reader, next, values, None))
            yield value
    finally:
        reader.shutdown(cancel_futures=True)  # waits for the value that is being read
