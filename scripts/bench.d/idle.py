"""What Onhand costs while nothing happens."""

import time


def measure(service, seconds):
    # What was done before may still be settling.
    time.sleep(2)
    before = service.program.cpu_seconds()
    time.sleep(seconds)
    used = service.program.cpu_seconds() - before
    return [{
        "what": f"processor time while idle, {seconds} s",
        "ours": f"{used * 1000:.0f} ms ({used / seconds * 100:.2f} %)",
        "theirs": "", "ratio": "", "reach": "",
    }]
