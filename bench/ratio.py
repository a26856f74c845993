"""The table of bench/compare.sh: medians over the rounds, matched by the cases' names."""

import glob
import json
import math
import statistics
import sys


def medians(pattern):
    times, label = {}, ""
    for path in sorted(glob.glob(pattern)):
        with open(path) as file:
            result = json.load(file)
        label = result.get("peer", "ours")
        for case in result["cases"]:
            times.setdefault(case["name"], []).append(case["median_ms"])
    return label, {name: statistics.median(values) for name, values in times.items()}


def main():
    what, folder = sys.argv[1:]
    _, ours = medians(folder + "/ours.*")
    peer_name, peer = medians(folder + "/peer.*")
    names = [name for name in ours if name in peer]
    if not names:
        sys.exit("ratio.py: the two sides have no case in common")
    width = max(map(len, names))
    print("%-*s  %12s  %20s  %8s" % (width, "case", "ours, ms", peer_name + ", ms", "ratio"))
    for name in names:
        print("%-*s  %12.4f  %20.4f  %8.2f" % (width, name, ours[name], peer[name], peer[name] / ours[name]))
    print("ratio %s = %.2f" % (what, math.exp(statistics.mean(math.log(peer[name] / ours[name]) for name in names))))


main()
