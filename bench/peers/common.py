"""Timing for the peers, by the same rules as src/base/bench.h; prints the JSON that bench/compare.sh reads."""

import argparse
import json
import time


def measure(body, seconds, warm_up=0.2, min_samples=5, min_sample=5e-4):
    begin, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - begin < warm_up:
        body()
        calls += 1
    batch = max(1, int(min_sample / ((time.perf_counter() - begin) / calls)))
    samples, start = [], time.perf_counter()
    while len(samples) < min_samples or time.perf_counter() - start < seconds:
        sample = time.perf_counter()
        for _ in range(batch):
            body()
        samples.append((time.perf_counter() - sample) / batch)
    samples.sort()
    at = lambda q: samples[int(q * (len(samples) - 1) + 0.5)] * 1e3
    return {"median_ms": at(0.5), "p10_ms": at(0.1), "p90_ms": at(0.9), "samples": len(samples)}


def main(bench, peer, cases):
    """`cases`: pairs (name, body); the names are those of `fsfm bench`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=1.0)
    seconds = parser.parse_args().seconds
    results = [{"name": name, **measure(body, seconds)} for name, body in cases]
    print(json.dumps({"bench": bench, "peer": peer, "cases": results}))


def measure_once(bench, peer, name, body, seconds, **options):
    """One case whose script reads its own arguments."""
    print(json.dumps({"bench": bench, "peer": peer, "cases": [{"name": name, **measure(body, seconds, **options)}]}))
