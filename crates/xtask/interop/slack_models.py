"""Reads Slack payloads from standard input, one JSON line each, with Slack's own Python models.

Every block has to be known to the models, pass their validation, and come back as it went in.
Prints a summary as JSON; ends with 1 if anything is wrong.
"""

import json
import sys

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.attachments import Attachment, BlockAttachment
from slack_sdk.models.blocks import Block


def faults_of(blocks):
    for at, given in enumerate(blocks):
        block = Block.parse(given)
        if block is None or type(block) is Block:
            yield f"blocks[{at}]: `{given.get('type')}` is unknown to the models"
            continue
        try:
            block.validate_json()
        except SlackObjectFormationError as error:
            yield f"blocks[{at}]: {error}"
            continue
        back = block.to_dict()
        if back != given:
            lost = {key for key in given if back.get(key) != given[key]}
            yield f"blocks[{at}]: {sorted(lost)} came back otherwise: {json.dumps(back)[:300]}"


def check(payload):
    # The bot's payloads name their method beside the message.
    message = payload.get("message", payload)
    if not message.get("text") and not message.get("blocks"):
        yield "neither text nor blocks"
    yield from faults_of(message.get("blocks", []))
    if len(message.get("blocks", [])) > 50:
        yield "more than 50 blocks"
    for at, attachment in enumerate(message.get("attachments", [])):
        blocks = attachment.get("blocks", [])
        yield from (f"attachments[{at}].{fault}" for fault in faults_of(blocks))
        model = BlockAttachment if blocks else Attachment
        try:
            if blocks:
                model(blocks=[Block.parse(block) for block in blocks], color=attachment.get("color")).validate_json()
            else:
                model(**attachment).validate_json()
        except SlackObjectFormationError as error:
            yield f"attachments[{at}]: {error}"


def main():
    read, blocks, faults = 0, 0, []
    for line in sys.stdin:
        case = json.loads(line)
        read += 1
        message = case["payload"].get("message", case["payload"])
        blocks += len(message.get("blocks", [])) + sum(len(a.get("blocks", [])) for a in message.get("attachments", []))
        for fault in check(case["payload"]):
            faults.append(f"{case['scene']}, {case['form']}: {fault}")
    print(json.dumps({"read": read, "blocks": blocks, "faults": faults[:20], "count": len(faults)}))
    return 1 if faults or not read or not blocks else 0


if __name__ == "__main__":
    sys.exit(main())
