"""Killed at random moments, the collector loses no event that it acknowledged, and makes one prediction of each pair.

`MODELSPAN_KILLS=100` runs the long form (the default is 2 kills).
"""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections import Counter
from pathlib import Path

import pytest
from support import eventually
from test_collector_kill import KILLS, Child

pytestmark = pytest.mark.timeout(900)


def post(port: int, identity: str, side: str) -> bool:
    """Send half a call; whether it was acknowledged."""
    payload = {"instances": [[float(identity)]]} if side == "request" else {"predictions": [float(identity)]}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {
        "ce-specversion": "1.0", "ce-id": identity, "ce-type": f"org.kubeflow.serving.inference.{side}",
        "ce-inferenceservicename": "m", "content-type": "application/json",
    }  # fmt: skip
    try:
        connection.request("POST", "/v1/cloudevents", json.dumps(payload), headers)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def test_every_acknowledged_pair_is_one_prediction(tmp_path: Path) -> None:
    """Requests and answers come in any order, from several senders; what was not acknowledged is sent again."""
    child, ended = Child(tmp_path), threading.Event()
    sent: list[set[str]] = [set() for _ in range(3)]

    def work(worker: int) -> None:
        choose = random.Random(worker)
        number = 0
        while not ended.is_set():
            number += 1
            identity = str(worker * 1_000_000 + number)
            sides = ["request", "response"]
            choose.shuffle(sides)
            for side in sides:
                eventually(lambda side=side: child.port and post(child.port, identity, side))  # noqa: B023
            sent[worker].add(identity)

    workers = [threading.Thread(target=work, args=(worker,), daemon=True) for worker in range(3)]
    for worker in workers:
        worker.start()
    for _ in range(KILLS):
        before = sum(map(len, sent))
        eventually(lambda before=before: sum(map(len, sent)) > before + random.randrange(20, 120))
        child.kill()
        child.begin()
    ended.set()
    for worker in workers:
        worker.join(120)
    stored = Counter(child.count()["predictions"])
    child.kill()
    assert stored == Counter({identity: 1 for each in sent for identity in each})
