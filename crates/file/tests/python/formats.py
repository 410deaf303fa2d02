"""What Python's logging makes of 200 format strings and 20 records.

    formats.py generate FILE    writes the data
    formats.py check FILE       fails if this Python makes anything else

The data is what the crate's own tests compare its templates with, so that they need no Python.
"""

import json
import logging
import random
import sys
import time

STARTED = 1_763_600_000_000_000
FORMATS = 200
# What a record lacks is a dash in our files.
ABSENT = {"ghost": "-", "user": "-", "ratio": 0.0, "order": 0}

TEXTS = ["name", "levelname", "pathname", "filename", "module", "message", "funcName", "threadName", "processName",
         "user", "ghost", "asctime"]
INTEGERS = ["levelno", "lineno", "order"]
FLOATS = ["created", "msecs", "relativeCreated", "ratio"]

FIXED = [
    ("%", "%(message)s", None),
    ("%", "%(asctime)-15s %(levelname)s %(user)-8s", None),
    ("%", "%(asctime)s - %(module)s.%(funcName)s:%(lineno)s - %(levelname)s - %(message)s", None),
    ("%", "%(levelname)s:%(name)s:%(message)s", None),
    ("%", "[%(asctime)s] %(levelname)-8s %(name)s:%(lineno)d %(message)s", "%d/%b/%Y %H:%M:%S"),
    ("%", "%(created)f %(msecs)03d 100%% %(message).12s", None),
    ("%", "%(asctime)s.%(msecs)03d|%(threadName)10s|%(message)r", "%Y-%m-%dT%H:%M:%S"),
    ("{", "{asctime} {levelname:<8} {name} {message}", None),
    ("{", "{{{levelname:^10}}} {lineno:06d} {message!r:.20}", None),
    ("{", "{asctime} [{levelname:*^12}] {user:>8} {ratio:+.3f} {order:,}", "%H:%M:%S"),
    ("{", "{created:.3f} {msecs:03.0f} {relativeCreated:_.1f} {message}", None),
]


def records():
    chance = random.Random(1)
    levels = [("DEBUG", 10), ("INFO", 20), ("WARNING", 30), ("ERROR", 40), ("CRITICAL", 50)]
    messages = ["paid", "", "card declined", "100 % of it", "it's 'quoted' and \"so\"", "ümläut €uro 漢字 🔥", "a\\b", "{x} %s",
                "a message that is rather longer than what any column would hold", "tab here"]
    integers = [0, 1, -1, 42, -4711, 1234567, 10**12, -(10**9), 9223372036854775807, 255]
    floats = [0.0, 1.0, -1.5, 0.1, 1e-5, 123456.789, 1e16, 1.5e300, 2.5, 0.0001, 99.995, 1e22, -3.0e-9, 1 / 3]
    out = []
    for number in range(20):
        level, levelno = levels[number % len(levels)]
        micros = STARTED + chance.randrange(1, 10**13)
        fields = {}
        if chance.random() < 0.7:
            fields["user"] = chance.choice(["ada", "grace hopper", "Ærøskøbing", "x" * 20])
        fields["order"] = chance.choice(integers)
        fields["ratio"] = chance.choice(floats)
        out.append({
            "micros": micros,
            "level": level,
            "levelno": levelno,
            "name": chance.choice(["shop", "shop::pay", "storefront::http::server"]),
            "pathname": chance.choice(["src/pay.rs", "/srv/shop/src/http/server.rs", "main.rs"]),
            "lineno": chance.choice([1, 12, 345, 67890]),
            "function": chance.choice(["charge", "request"]),
            "thread": chance.choice(["main", "worker-7"]),
            "message": messages[number % len(messages)],
            "fields": fields,
        })
    return out


def log_record(record):
    path = record["pathname"]
    filename = path.rsplit("/", 1)[-1]
    return logging.makeLogRecord({
        "name": record["name"], "msg": record["message"], "levelname": record["level"], "levelno": record["levelno"],
        "pathname": path, "filename": filename, "module": filename.rsplit(".", 1)[0], "lineno": record["lineno"],
        "funcName": record["function"], "threadName": record["thread"], "processName": "MainProcess",
        "created": record["micros"] / 1e6, "msecs": float(record["micros"] // 1000 % 1000),
        "relativeCreated": (record["micros"] / 1e6 - STARTED / 1e6) * 1000,
        **record["fields"],
    })


def lines(style, text, date_format, recorded):
    formatter = logging.Formatter(text, date_format, style, defaults=ABSENT)
    formatter.converter = time.gmtime
    return [formatter.format(log_record(record)) for record in recorded]


def random_format(chance):
    def percent():
        kind = chance.randrange(3)
        flags = "".join(flag for flag in "#0- +" if chance.random() < 0.2)
        width = chance.choice(["", "", str(chance.randrange(1, 25))])
        precision = chance.choice(["", "", "", f".{chance.randrange(0, 12)}"])
        if kind == 0:
            return f"%({chance.choice(TEXTS)}){flags}{width}{precision}{chance.choice('sssra')}"
        if kind == 1:
            return f"%({chance.choice(INTEGERS)}){flags}{width}{precision}{chance.choice('ddisxXoefgG')}"
        return f"%({chance.choice(FLOATS)}){flags}{width}{precision}{chance.choice('sdfFeEgGr')}"

    def brace():
        kind = chance.randrange(3)
        fill = chance.choice(["", "", "*", "0", " ", "é", "-"])
        width = chance.choice(["", "", str(chance.randrange(1, 25))])
        precision = chance.choice(["", "", f".{chance.randrange(0, 12)}"])
        zero = chance.choice(["", "", "", "0"])
        if kind == 0:
            align = chance.choice("<>^") if fill else chance.choice(["", "<", ">", "^"])
            convert = chance.choice(["", "", "", "!r", "!a", "!s"])
            return f"{{{chance.choice(TEXTS)}{convert}:{fill}{align}{zero}{width}{precision}{chance.choice(['', 's'])}}}"
        align = chance.choice("<>^=") if fill else chance.choice(["", "<", ">", "^", "="])
        sign = chance.choice(["", "", "+", "-", " "])
        alternate = chance.choice(["", "", "#"])
        group = chance.choice(["", "", "", ",", "_"])
        if kind == 1:
            return (f"{{{chance.choice(INTEGERS)}:{fill}{align}{sign}{alternate}{zero}{width}{group}"
                    f"{chance.choice(['', 'd', 'x', 'X', 'o', 'b', 'e', 'f', 'g'])}}}")
        return (f"{{{chance.choice(FLOATS)}:{fill}{align}{sign}{alternate}{zero}{width}{group}{precision}"
                f"{chance.choice(['', 'f', 'F', 'e', 'E', 'g', 'G', '%'])}}}")

    style, piece = chance.choice([("%", percent), ("{", brace)])
    between = [" ", " - ", "|", ": ", "%%" if style == "%" else "{{}}"]
    text = "".join(piece() + chance.choice(between) for _ in range(chance.randrange(1, 5)))
    return style, text, chance.choice([None, None, "%H:%M:%S", "%a %d %b %Y %I:%M %p", "%j"])


def data():
    recorded = records()
    chance = random.Random(2)
    formats = []
    queue = list(FIXED)
    while len(formats) < FORMATS:
        style, text, date_format = queue.pop(0) if queue else random_format(chance)
        try:
            made = lines(style, text, date_format, recorded)
        except (ValueError, TypeError, OverflowError):
            # Python refuses it for some of the records; a template of ours writes something in any case.
            continue
        formats.append({"style": style, "format": text, "dates": date_format, "lines": made})
    return {"started": STARTED, "records": recorded, "formats": formats}


def main():
    what, path = sys.argv[1:]
    made = data()
    if what == "generate":
        with open(path, "w", encoding="utf-8") as file:
            json.dump(made, file, ensure_ascii=False, indent=0)
            file.write("\n")
        return
    with open(path, encoding="utf-8") as file:
        stored = json.load(file)
    for ours, theirs in zip(stored["formats"], made["formats"]):
        if ours != theirs:
            sys.exit(f"this Python makes something else of {theirs['format']!r}")
    if stored != made:
        sys.exit("the stored data is of another version of this script")
    count = sum(len(entry["lines"]) for entry in made["formats"])
    print(f"{len(made['formats'])} formats, {count} lines: the same as stored, Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
