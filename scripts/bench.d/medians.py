"""What stands for several rounds: one that was seen, and not a mean of two."""


def median(values, key=None):
    return sorted(values, key=key)[len(values) // 2]
