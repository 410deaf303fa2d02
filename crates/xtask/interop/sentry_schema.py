"""Validates events, one JSON line each, against Sentry's JSON Schema of an event, whose path is the first argument.

Beyond the schema, which allows unknown keys almost everywhere, what an event must have is checked.
Prints a summary as JSON; ends with 1 if anything is wrong.
"""

import json
import sys

from jsonschema import Draft7Validator

LEVELS = {"fatal", "error", "warning", "info", "debug"}


def own_checks(event):
    if len(event.get("event_id", "").replace("-", "")) != 32:
        yield "event_id is not of 32 hexadecimal digits"
    # An absent level means `error` to Sentry.
    if event.get("level", "error") not in LEVELS:
        yield f"level is {event.get('level')!r}"
    if "timestamp" not in event or "platform" not in event:
        yield "timestamp or platform is missing"
    if not (event.get("logentry") or event.get("message") or event.get("exception")):
        yield "neither a message nor an exception"
    for error in (event.get("exception") or {}).get("values", []):
        frames = (error.get("stacktrace") or {}).get("frames")
        if frames is not None and not frames:
            yield "a stack trace without frames"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        validator = Draft7Validator(json.load(file))
    read, faults = 0, []
    for line in sys.stdin:
        event = json.loads(line)
        read += 1
        faults += [f"{'/'.join(map(str, error.path))}: {error.message[:200]}" for error in validator.iter_errors(event)]
        faults += own_checks(event)
    print(json.dumps({"read": read, "count": len(faults), "faults": faults[:10]}))
    return 1 if faults or not read else 0


if __name__ == "__main__":
    sys.exit(main())
