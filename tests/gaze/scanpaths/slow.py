"""Every measure once more: from its formula, in plain Python, however slow. Paths are lists of
(x, y, ms)."""

import math
from functools import cache
from itertools import pairwise
from statistics import median


def apart(p, q):
    return math.dist(p[:2], q[:2])


def cheapest(cost, m, n):
    """The least sum and its cells from (0, 0) to (m - 1, n - 1); on ties diagonal, below, right."""

    @cache
    def rest(i, j):
        if i == m or j == n:
            return math.inf
        own = cost(i, j)
        if (i, j) == (m - 1, n - 1):
            return own
        return own + min(rest(i + 1, j + 1), rest(i + 1, j), rest(i, j + 1))

    for i in range(m - 1, -1, -1):  # from the end, that recursion stays shallow
        for j in range(n - 1, -1, -1):
            rest(i, j)
    cells = [(0, 0)]
    while cells[-1] != (m - 1, n - 1):
        i, j = cells[-1]
        cells.append(min([(i + 1, j + 1), (i + 1, j), (i, j + 1)], key=lambda c: rest(*c)))
    return rest(0, 0), cells


def dtw(a, b):
    return cheapest(lambda i, j: apart(a[i], b[j]), len(a), len(b))[0]


def saccades(path):
    return [(p[0], p[1], q[0] - p[0], q[1] - p[1], p[2]) for p, q in pairwise(path)]


def multimatch(a, b, screen, simpler=None):
    """Shape, direction, length, position, duration."""
    s, t = (simplified(path, *simpler) if simpler else saccades(path) for path in (a, b))
    diagonal = math.hypot(*screen)
    cells = cheapest(lambda i, j: math.hypot(s[i][2] - t[j][2], s[i][3] - t[j][3]), len(s), len(t))[
        1
    ]
    differences = [[], [], [], [], []]
    for i, j in cells:
        (x, y, dx, dy, d), (u, v, du, dv, e) = s[i], t[j]
        turn = abs(math.atan2(dy, dx) - math.atan2(dv, du))
        numbers = (
            math.hypot(dx - du, dy - dv) / (2 * diagonal),
            min(turn, 2 * math.pi - turn) / math.pi,
            abs(math.hypot(dx, dy) - math.hypot(du, dv)) / diagonal,
            math.hypot(x - u, y - v) / diagonal,
            abs(d - e) / max(d, e) if max(d, e) else 0.0,
        )
        for known, number in zip(differences, numbers):
            known.append(number)
    return [1 - median(known) for known in differences]


def simplified(path, degrees, pixels, ms):
    """Saccades after rounds of joining by direction, then by length, until one changes nothing."""
    found, lasting = [s[:4] for s in saccades(path)], [p[2] for p in path]
    while True:
        before = len(lasting)
        found, lasting = one_round(found, lasting, lambda i, f, d: turns_less(i, f, d, degrees, ms))
        found, lasting = one_round(
            found, lasting, lambda i, f, d: is_short(i, f, d, pixels, ms), end=True
        )
        if len(lasting) == before:
            return [(*s, d) for s, d in zip(found, lasting)]


def turns_less(i, found, lasting, degrees, ms):
    if i + 1 == len(found) or lasting[i + 1] >= ms:
        return False
    a, b = complex(*found[i][2:]), complex(*found[i + 1][2:])
    if not a or not b:
        return False
    cosine = (a.conjugate() * b).real / abs(a) / abs(b)
    return math.degrees(math.acos(max(-1.0, min(1.0, cosine)))) < degrees


def is_short(i, found, lasting, pixels, ms):
    near = lasting[-2:] if i + 1 == len(found) else lasting[i : i + 2]
    return math.hypot(*found[i][2:]) < pixels and min(near) < ms


def one_round(found, lasting, joins, end=False):
    out, kept, i = [], [], 0
    while i < len(found):
        last = i + 1 == len(found)
        if not joins(i, found, lasting) or (last and not (end and out)):
            out.append(found[i])
            kept.append(lasting[i])
            i += 1
        elif last:
            out[-1] = (*out[-1][:2], *both(found[i - 1], found[i]))
            kept.append(lasting[i - 1])
            i += 1
        else:
            out.append((*found[i][:2], *both(found[i], found[i + 1])))
            kept.append(lasting[i])
            i += 2
    return out, [*kept, lasting[-1]]


def both(s, t):
    return s[2] + t[2], s[3] + t[3]


def eyenalysis(a, b):
    there = sum(min(apart(p, q) ** 2 for q in b) for p in a)
    back = sum(min(apart(p, q) ** 2 for p in a) for q in b)
    return (there + back) / (len(a) + len(b))


def tde(a, b, k=2):
    """Mean and greatest distance of b's windows from the nearest of a, then of a's from b's."""

    def windows(path):
        return [[v for p in path[i : i + k] for v in p[:2]] for i in range(len(path) - k + 1)]

    found = []
    for known, asked in ((windows(a), windows(b)), (windows(b), windows(a))):
        nearest = [min(math.dist(w, v) for w in known) / k for v in asked]
        found += [sum(nearest) / len(nearest), max(nearest)]
    return found


def in_runs(line):
    """How many True stand in runs of two and more."""
    words = "".join("x" if value else " " for value in line).split()
    return sum(len(word) for word in words if len(word) > 1)


def lines_of(same):
    """Diagonals, rows and columns of a table of truth values."""
    m, n = len(same), len(same[0])
    diagonals = [[same[i][i + s] for i in range(m) if 0 <= i + s < n] for s in range(-m + 1, n)]
    return diagonals, same, [list(column) for column in zip(*same)]


def recurrence(a, b, radius):
    same = [[apart(p, q) < radius for q in b] for p in a]
    count = sum(map(sum, same))
    share = 100 * count / (len(a) * len(b))
    if not count:
        return [share, math.nan, math.nan, math.nan]
    diagonals, rows, columns = lines_of(same)
    later = sum(j - i for i, row in enumerate(same) for j, value in enumerate(row) if value)
    return [
        share,
        100 * sum(map(in_runs, diagonals)) / count,
        100 * (sum(map(in_runs, rows)) + sum(map(in_runs, columns))) / (2 * count),
        100 * later / ((max(len(a), len(b)) - 1) * count),
    ]


def published_recurrence(a, b, radius):
    """On the first min(m, n) fixations, above the main diagonal."""
    n = min(len(a), len(b))
    same = [[apart(p, q) < radius for q in b[:n]] for p in a[:n]]
    above = [[value and j > i for j, value in enumerate(row)] for i, row in enumerate(same)]
    count = sum(map(sum, above))
    _, rows, columns = lines_of(same)
    straight = sum(map(in_runs, rows)) + sum(map(in_runs, columns))
    laminarity = 100 * straight / (2 * sum(map(sum, same))) if straight else 0.0
    if not count:
        return [0.0, 0.0, laminarity, 0.0]
    later = sum(j - i for i, row in enumerate(above) for j, value in enumerate(row) if value)
    return [
        100 * 2 * count / (n * (n - 1)),
        100 * sum(map(in_runs, lines_of(above)[0])) / count,
        laminarity,
        100 * later / ((n - 1) * count),
    ]


def aligned(a, b, score, gap):
    """The best score of a global alignment of two lists."""

    @cache
    def best(i, j):
        if not i or not j:
            return gap * (i + j)
        both_on = best(i - 1, j - 1) + score(a[i - 1], b[j - 1])
        return max(both_on, best(i - 1, j) + gap, best(i, j - 1) + gap)

    for i in range(len(a) + 1):
        for j in range(len(b) + 1):
            best(i, j)
    return best(len(a), len(b))


def letters(path, screen, grid, ms=0):
    """Cells of a grid, each as often as it lasts."""
    found = []
    for x, y, duration in path:
        cell = tuple(
            max(0, min(count - 1, math.floor(place / size * count)))
            for place, size, count in zip((x, y), screen, grid)
        )
        found += [cell] * (max(1, math.floor(duration / ms + 0.5)) if ms else 1)
    return found


def scanmatch(a, b):
    score = aligned(a, b, lambda p, q: 3.5 - math.dist(p, q), 0)
    return score / (3.5 * max(len(a), len(b)))


def ss(a, b):
    return aligned(a, b, lambda p, q: float(p == q), 0) / max(len(a), len(b))


def levenshtein(a, b):
    return -aligned(a, b, lambda p, q: float(p == q) - 1, -1)
