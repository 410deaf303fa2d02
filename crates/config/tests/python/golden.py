"""Make random configurations and events, and write down what the handlers of Python's own logging heard.

    python3 tests/python/golden.py > tests/data/golden.json && gzip -9nf tests/data/golden.json

Each case has the configuration as TOML, and events as [target, level, fields, [[handler, level it saw], ...]].
A handler that sits on several loggers of a path is called several times by Python; here once is enough. Where a filter
of a handler changes the record for those after it, no handler sits twice, as the order of the calls would matter.
"""

import json
import logging
import logging.config
import random
import sys

NAMES = {5: "trace", 10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}
SEGMENTS = ["shop", "pay", "web", "shopping"]
heard = []


class Heard(logging.Handler):
    def __init__(self, tag):
        super().__init__()
        self.tag = tag

    def emit(self, record):
        if [self.tag, record.levelno] not in heard:
            heard.append([self.tag, record.levelno])


class Field:
    def __init__(self, equals):
        self.equals = equals

    def filter(self, record):
        return getattr(record, "tenant", None) == self.equals


class Range:
    def __init__(self, least, most):
        self.least, self.most = least, most

    def filter(self, record):
        return self.least <= record.levelno <= self.most


class Rewrite:
    def __init__(self, level, only):
        self.level, self.only = level, only

    def filter(self, record):
        if not self.only or record.levelno in self.only:
            record.levelno = self.level
            record.levelname = logging.getLevelName(self.level)
        return True


def make_filter(rng):
    kind = rng.choice(["field", "range", "rewrite"])
    if kind == "field":
        tenant = rng.choice(["a", "b"])
        return kind, {"()": Field, "equals": tenant}, f'type = "field"\nfield = "tenant"\nequals = "{tenant}"\n'
    if kind == "range":
        least, most = sorted(rng.choices(list(NAMES), k=2))
        text = f'type = "range"\nleast = "{NAMES[least]}"\nmost = "{NAMES[most]}"\n'
        return kind, {"()": Range, "least": least, "most": most}, text
    level = rng.choice(list(NAMES))
    only = rng.sample(list(NAMES), rng.randrange(4))
    text = f'type = "rewrite"\nlevel = "{NAMES[level]}"\n'
    if only:
        text += "from = " + json.dumps([NAMES[number] for number in only]) + "\n"
    return kind, {"()": Rewrite, "level": level, "only": only}, text


def some(rng, names, most):
    return rng.sample(names, rng.randrange(min(most, len(names)) + 1))


def spelled(rng, number):
    """Spells a level as people do: a number, or a name in some case."""
    if number == 0:
        return rng.choice(["0", '"NOTSET"', '"notset"'])
    name = rng.choice([NAMES[number], NAMES[number].upper(), NAMES[number].title()])
    return rng.choice([str(number), json.dumps(name)])


def case(rng):
    text = "version = 1\n"
    filters = {}
    kinds = {}
    for i in range(rng.randrange(4)):
        kinds[f"f{i}"], filters[f"f{i}"], table = make_filter(rng)
        text += f"\n[filters.f{i}]\n{table}"
    handlers = {}
    for i in range(1, rng.randrange(2, 7)):
        level = rng.choice([0, 0] + list(NAMES))
        used = some(rng, list(filters), 2)
        handlers[f"h{i}"] = {"()": Heard, "tag": f"h{i}", "level": level, "filters": used}
        text += f'\n[handlers.h{i}]\ntype = "heard"\ntag = "h{i}"\n'
        if level or rng.random() < 0.3:
            text += f"level = {spelled(rng, level)}\n"
        if used:
            text += f"filters = {json.dumps(used)}\n"
    passes_on = any(kinds[name] == "rewrite" for handler in handlers.values() for name in handler["filters"])
    free = list(handlers)
    rng.shuffle(free)

    def take():
        if passes_on:
            count = rng.randrange(len(free) + 1) if len(free) < 3 else rng.randrange(3)
            taken = [free.pop() for _ in range(count)]
            return taken
        return some(rng, list(handlers), 3)

    targets = set()
    for _ in range(rng.randrange(1, 7)):
        targets.add(".".join(rng.choice(SEGMENTS) for _ in range(rng.randrange(1, 5))))
    loggers = {}
    for target in sorted(targets):
        logger = {"handlers": take(), "propagate": rng.random() < 0.75, "level": rng.choice([0, 0] + list(NAMES))}
        logger["filters"] = some(rng, list(filters), 2) if rng.random() < 0.4 else []
        loggers[target] = logger
        written = rng.choice([target, target.replace(".", "::")])
        text += f"\n[loggers.{json.dumps(written)}]\n"
        if logger["level"] or rng.random() < 0.3:
            text += f"level = {spelled(rng, logger['level'])}\n"
        if logger["handlers"]:
            text += f"handlers = {json.dumps(logger['handlers'])}\n"
        if logger["filters"]:
            text += f"filters = {json.dumps(logger['filters'])}\n"
        if not logger["propagate"]:
            text += "propagate = false\n"
    root = {"handlers": take(), "level": rng.choice([0, 10, 20, 30, 40, 50])}
    text += rng.choice(["\n[root]\n", '\n[loggers.""]\n'])
    # Python's root is at WARNING when nothing is said.
    if root["level"] != 30 or rng.random() < 0.5:
        text += f"level = {spelled(rng, root['level'])}\n"
    text += f"handlers = {json.dumps(root['handlers'])}\n"
    logging.Logger.manager.loggerDict.clear()
    logging.root.handlers.clear()
    logging.root.filters.clear()
    logging.config.dictConfig(
        {"version": 1, "filters": filters, "handlers": handlers, "loggers": loggers, "root": root}
    )
    events = []
    for _ in range(12):
        base = rng.choice(sorted(targets) + ["", "other", "shop"])
        extra = [rng.choice(SEGMENTS) for _ in range(rng.choice([0, 0, 0, 1, 2]))]
        target = ".".join(([base] if base else []) + extra) or "elsewhere"
        level = rng.choice(list(NAMES))
        fields = {"tenant": rng.choice(["a", "b"])} if rng.random() < 0.7 else {}
        heard.clear()
        logging.getLogger(target).log(level, "m", extra=fields)
        # Which handler saw it first does not matter here; which level it saw does.
        events.append([target.replace(".", "::"), NAMES[level], fields, sorted([tag, NAMES[at]] for tag, at in heard)])
    return {"toml": text, "events": events}


def main():
    rng = random.Random(20261120)
    logging.addLevelName(5, "TRACE")
    logging.lastResort = None
    json.dump({"python": sys.version.split()[0], "cases": [case(rng) for _ in range(1000)]}, sys.stdout)


main()
