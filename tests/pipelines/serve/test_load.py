"""Fifty clients at once: each gets the answer to its own question, and memory stays as it is."""

import random
import threading
import time

import psutil
import pytest

from tests.clips import write_clip
from tests.pipelines.serve.serving import serving

NUM_CLIENTS, QUESTIONS = 50, 60
NUM_WARM, NUM_ROUNDS = 2, 3
# Of caches that fill while the first thousands are answered, and of what the allocator keeps.
MOST_GROWTH_BYTES = 48 * 2**20


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", ["sentiment", "video"])
def test_fifty_clients(kind, checkpoints, tmp_path):
    """One upload in a hundred is broken; nothing is lost or mixed up."""
    if kind == "sentiment":
        words = ["fine", "dull", "great", "awful", "film", "lovely", "poor", "bore"]
        draw = random.Random(0)
        contents = [{"text": " ".join(draw.choices(words, k=1 + k % 40))} for k in range(100)]
        broken = [{"text": " "}, {"path": "/etc/passwd"}]
    else:
        contents = [
            write_clip(tmp_path / f"{k}.mp4", num_frames=2 + k, level=20 + 2 * k).read_bytes()
            for k in range(40)
        ]
        broken = [contents[0][:200], b"no clip"]
    rounds = QUESTIONS if kind == "sentiment" else QUESTIONS // 4
    with serving(checkpoints / f"{kind}.ckpt", queue=NUM_CLIENTS) as server:
        expected = [server.answer(content).json for content in contents]
        assert len({one["probability"] for one in expected}) > 30
        wrong, answered = [], []

        def client(number):
            draw = random.Random(number)
            for k in range(rounds):
                place = draw.randrange(len(contents))
                is_broken = (number + NUM_CLIENTS * k) % 100 == 99
                found = server.answer(draw.choice(broken) if is_broken else contents[place])
                answered.append(found.status)
                if is_broken:
                    is_right = found.status == 422 and set(found.json) == {"error"}
                else:
                    right = pytest.approx(expected[place]["probabilities"], abs=1e-5)
                    is_right = found.status == 200 and found.json["probabilities"] == right
                if not is_right:
                    wrong.append((place, is_broken, found))

        def everyone():
            threads = [threading.Thread(target=client, args=(k,)) for k in range(NUM_CLIENTS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        process = psutil.Process()
        for _ in range(NUM_WARM):
            everyone()
        warm = process.memory_info().rss
        started = time.monotonic()
        for _ in range(NUM_ROUNDS):
            everyone()
        seconds = time.monotonic() - started
        growth = process.memory_info().rss - warm
        assert wrong == []
        assert len(answered) == (NUM_WARM + NUM_ROUNDS) * NUM_CLIENTS * rounds
        assert server.metric("requests_held") == server.metric("bytes_held") == 0
        # Together: fewer calls of the model than questions. Clips come as fast as they are decoded.
        most_calls = server.metric("batch_items_sum") / (2 if kind == "sentiment" else 1)
        assert server.metric("batch_items_count") < most_calls
        rate = NUM_ROUNDS * NUM_CLIENTS * rounds / seconds
        size = server.metric("batch_items_sum") / server.metric("batch_items_count")
        print(
            f"\n{kind}: {len(answered):,} answers, {rate:.0f} a second, {size:.1f} a call of the"
            f" model; memory grew by {growth / 2**20:.1f} MiB"
        )
        assert growth < MOST_GROWTH_BYTES
