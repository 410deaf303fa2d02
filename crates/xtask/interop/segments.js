// Reads JSON lines of { text, alphabet, count } from standard input and counts each text with Twilio's own calculator.
// Prints a summary as JSON; ends with 1 if any differs.
const { SegmentedMessage } = require("sms-segments-calculator");

const lines = require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean);
const differing = [];
for (const line of lines) {
  const { text, alphabet, count } = JSON.parse(line);
  // Texts are sent as they are; the calculator would otherwise replace typographic quotes for "smart encoding".
  const theirs = new SegmentedMessage(text, "auto", false);
  const segments = text === "" ? 1 : theirs.segmentsCount;
  if (theirs.encodingName !== alphabet || segments !== count) {
    differing.push({ text, ours: { alphabet, count }, theirs: { alphabet: theirs.encodingName, count: segments } });
  }
}
console.log(JSON.stringify({ read: lines.length, count: differing.length, differing: differing.slice(0, 10) }));
process.exit(lines.length === 0 || differing.length > 0 ? 1 : 0);
