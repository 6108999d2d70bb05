"""Cost of a pressure vessel: one line of JSON in, one out, as long as there are lines."""
import json
import math
import sys

for line in sys.stdin:
    trial = json.loads(line)
    p = trial["parameters"]
    shell, heads, r, length = 0.0625 * p["n1"], 0.0625 * p["n2"], p["R"], p["L"]
    cost = (0.6224 * shell * r * length + 1.7781 * heads * r**2
            + 3.1661 * shell**2 * length + 19.84 * shell**2 * r)
    print(json.dumps({
        "trial": trial["trial"],
        "cost": cost,
        "shell": 0.0193 * r - shell,
        "heads": 0.00954 * r - heads,
        "volume": math.pi * r**2 * length + 4 / 3 * math.pi * r**3,
    }), flush=True)
