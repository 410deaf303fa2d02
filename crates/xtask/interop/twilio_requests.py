"""Checks form bodies, one JSON line each, against the schema of `POST Messages.json` in Twilio's OpenAPI description.

The description is the first argument. Unknown fields are faults: a mock server made from the description ignores them.
Prints a summary as JSON; ends with 1 if anything is wrong.
"""

import json
import sys

from jsonschema import Draft202012Validator


def schema_of(path):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    operation = document["paths"]["/2010-04-01/Accounts/{AccountSid}/Messages.json"]["post"]
    schema = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    # References inside the schema point into the document.
    return {**schema, "additionalProperties": False, "components": document.get("components", {})}


def typed(name, text, schema):
    kind = schema["properties"].get(name, {}).get("type")
    if kind == "integer" and text.isdigit():
        return int(text)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


def main():
    schema = schema_of(sys.argv[1])
    validator = Draft202012Validator(schema)
    read, faults = 0, []
    for line in sys.stdin:
        fields = json.loads(line)["fields"]
        read += 1
        names = [name for name, _ in fields]
        if len(names) != len(set(names)):
            faults.append(f"a field twice: {names}")
        body = {name: typed(name, text, schema) for name, text in fields}
        faults += [f"{'/'.join(map(str, error.path))}: {error.message[:200]}" for error in validator.iter_errors(body)]
        if not ("From" in body) ^ ("MessagingServiceSid" in body):
            faults.append(f"just one of From and MessagingServiceSid is expected: {names}")
        if not 1 <= len(body.get("Body", "")) <= 1600:
            faults.append(f"a body of {len(body.get('Body', ''))} characters")
    print(json.dumps({"read": read, "count": len(faults), "faults": faults[:10]}))
    return 1 if faults or not read else 0


if __name__ == "__main__":
    sys.exit(main())
