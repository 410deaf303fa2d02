//! Write the HTML part: tables and inline styles, because Outlook draws with Word, and Gmail drops what it does not know.

use watchfire_core::{Severity, cut};
use watchfire_outbox::{Fact, Occasion, Page, Section};

use crate::render::{Lines, visible};

/// The most bytes of text in the part, before its markup: Gmail hides what comes after 102 kB of a message.
const MOST: usize = 64 * 1024;

/// Overrides the inline colours where the reader's program is dark. What ignores it shows the light page.
const HEAD: &str = concat!(
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n",
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n",
    "<meta name=\"color-scheme\" content=\"light dark\">\n",
    "<meta name=\"supported-color-schemes\" content=\"light dark\">\n",
    "<style>\n:root{color-scheme:light dark}\n",
    "@media (prefers-color-scheme:dark){\n",
    ".wf-page{background-color:#16181d!important}\n",
    ".wf-card{background-color:#20242b!important;border-color:#343a44!important}\n",
    ".wf-text{color:#eceef2!important}\n",
    ".wf-soft{color:#a3abb8!important}\n",
    ".wf-box{background-color:#16181d!important;color:#dfe3ea!important;border-color:#343a44!important}\n",
    ".wf-note{background-color:#3a3117!important;color:#f3e3b0!important}\n",
    "}\n",
    "@media (max-width:520px){.wf-pad{padding-left:16px!important;padding-right:16px!important}}\n",
    "</style></head>\n",
);
const PAGE: &str = concat!(
    "<body class=\"wf-page\" style=\"margin:0;padding:0;background-color:#f2f3f5\">\n",
    "<table class=\"wf-page\" role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" ",
    "bgcolor=\"#f2f3f5\" style=\"background-color:#f2f3f5\"><tr><td align=\"center\" style=\"padding:16px 8px\">\n",
    "<table class=\"wf-card\" role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" ",
    "bgcolor=\"#ffffff\" style=\"max-width:720px;background-color:#ffffff;border:1px solid #dfe2e7;",
    "table-layout:fixed;text-align:left\">\n",
);
const END: &str = "</table>\n</td></tr></table>\n</body></html>\n";

const ROW: &str = "<tr><td class=\"wf-pad\" style=\"padding:";
const SANS: &str = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;";
const MONO: &str = "font-family:ui-monospace,SFMono-Regular,Consolas,'Courier New',monospace;";
const BREAK: &str = "word-break:break-word;overflow-wrap:anywhere;";

/// Writes a page as one HTML document.
pub(crate) fn page(page: &Page, occasion: &Occasion<'_>) -> String {
    let mut html = Html { out: String::with_capacity(8192), left: MOST };
    html.raw(HEAD).raw(PAGE);
    head(&mut html, page);
    facts(&mut html, &page.facts);
    for section in &page.sections {
        if html.left == 0 {
            break;
        }
        section_rows(&mut html, section);
    }
    if html.left == 0 {
        note(&mut html, "This part is cut; the text part of this mail says more.");
    }
    html.left = html.left.max(4096);
    for text in &page.notes {
        note(&mut html, text);
    }
    html.raw(ROW).raw("14px 24px 18px 24px;font-size:12px;line-height:18px;color:#69717f;").raw(SANS);
    html.raw("\" ><span class=\"wf-soft\" style=\"color:#69717f\">Group ").text(&page.group.to_string());
    html.raw(" &middot; channel ").text(occasion.channel()).raw("</span></td></tr>\n");
    html.raw(END);
    html.out
}

fn head(html: &mut Html, page: &Page) {
    let colour = colour(page.severity);
    html.raw("<tr><td height=\"6\" bgcolor=\"")
        .raw(colour)
        .raw("\" style=\"height:6px;line-height:6px;font-size:0;");
    html.raw("background-color:").raw(colour).raw("\">&nbsp;</td></tr>\n");
    html.raw(ROW).raw("20px 24px 4px 24px;font-size:13px;line-height:20px;").raw(SANS).raw("\">");
    html.raw("<span style=\"background-color:")
        .raw(colour)
        .raw(";color:#ffffff;font-weight:bold;padding:2px 8px\">");
    let (severity, rest) = page.headline.split_once(' ').unwrap_or((&page.headline, ""));
    html.text(severity).raw("</span><span class=\"wf-soft\" style=\"color:#69717f\">&nbsp; ").text(rest);
    html.raw("</span></td></tr>\n");
    let message = if page.message.trim().is_empty() { &page.title } else { &page.message };
    html.raw(ROW)
        .raw("4px 24px 8px 24px;font-size:19px;line-height:27px;font-weight:bold;")
        .raw(SANS)
        .raw(BREAK);
    html.raw("\"><span class=\"wf-text\" style=\"color:#16191f\">").lines(message).raw("</span></td></tr>\n");
    if let Some(summary) = &page.summary {
        html.raw(ROW).raw("0 24px 8px 24px;font-size:14px;line-height:21px;").raw(SANS);
        html.raw("\"><span class=\"wf-text\" style=\"color:#16191f\">")
            .text(summary)
            .raw("</span></td></tr>\n");
    }
}

fn facts(html: &mut Html, facts: &[Fact]) {
    html.raw(ROW).raw("8px 24px 8px 24px\">");
    html.raw(
        "<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\">\n",
    );
    for fact in facts {
        pair(html, fact.label, &fact.value, SANS);
    }
    html.raw("</table></td></tr>\n");
}

/// Writes a label and a value beside each other.
fn pair(html: &mut Html, label: &str, value: &str, font: &'static str) {
    html.raw("<tr><td valign=\"top\" width=\"120\" style=\"padding:3px 12px 3px 0;font-size:13px;line-height:19px;");
    html.raw(font).raw(BREAK).raw("\"><span class=\"wf-soft\" style=\"color:#69717f\">").text(label);
    html.raw("</span></td><td valign=\"top\" style=\"padding:3px 0;font-size:13px;line-height:19px;")
        .raw(font)
        .raw(BREAK);
    html.raw("\"><span class=\"wf-text\" style=\"color:#16191f\">").lines(value).raw("</span></td></tr>\n");
}

fn section_rows(html: &mut Html, section: &Section) {
    html.raw(ROW).raw("10px 24px 4px 24px;font-size:13px;line-height:19px;font-weight:bold;").raw(SANS);
    html.raw("\"><span class=\"wf-text\" style=\"color:#16191f\">")
        .text(&section.title)
        .raw("</span></td></tr>\n");
    html.raw(ROW).raw("0 24px 8px 24px\">");
    html.raw("<table class=\"wf-box\" role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" ");
    html.raw("bgcolor=\"#f6f7f9\" style=\"background-color:#f6f7f9;color:#22262e;border:1px solid #e4e7eb;table-layout:fixed\">\n");
    html.raw("<tr><td class=\"wf-box\" style=\"padding:8px 12px;font-size:13px;line-height:20px;color:#22262e;border:0;");
    html.raw(MONO).raw(BREAK).raw("\">");
    for (number, line) in section.lines.iter().enumerate() {
        if html.left == 0 {
            break;
        }
        if number > 0 {
            html.raw("<br>\n");
        }
        html.lines(line);
    }
    html.raw("</td></tr></table></td></tr>\n");
}

fn note(html: &mut Html, text: &str) {
    html.raw(ROW).raw("4px 24px 4px 24px\">");
    html.raw("<table class=\"wf-note\" role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" ");
    html.raw("bgcolor=\"#fff4d1\"><tr><td class=\"wf-note\" style=\"padding:8px 12px;font-size:13px;line-height:19px;color:#5b4708;");
    html.raw(SANS).raw(BREAK).raw("\">").lines(text).raw("</td></tr></table></td></tr>\n");
}

/// White on each of them has a contrast of at least 4.5 to 1 (WCAG 2.2, 1.4.3).
fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "#8a1047",
        Severity::Error => "#c0271d",
        Severity::Warn => "#9a5b00",
        Severity::Info => "#1b62b5",
        _ => "#5b6472",
    }
}

/// Grows by markup, which is ours, and by text, which is anybody's and gets escaped: a string of anybody's cannot be markup.
struct Html {
    out: String,
    /// Bytes of text that still go in.
    left: usize,
}

impl Html {
    fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.out.push_str(markup);
        self
    }

    /// Adds one line of text.
    fn text(&mut self, text: &str) -> &mut Self {
        self.escaped(&visible(self.within(text), Lines::Escaped), false);
        self.spend(text)
    }

    /// Adds lines of text, with their ends and their indentation.
    fn lines(&mut self, text: &str) -> &mut Self {
        self.escaped(&visible(self.within(text), Lines::Kept), true);
        self.spend(text)
    }

    fn within<'t>(&self, text: &'t str) -> &'t str {
        cut(text, self.left)
    }

    fn spend(&mut self, text: &str) -> &mut Self {
        if text.len() > self.left {
            self.out.push('…');
        }
        self.left = self.left.saturating_sub(text.len());
        self
    }

    fn escaped(&mut self, text: &str, lines: bool) {
        // Word ignores `white-space`: what has to stay apart is said in characters.
        let mut gap = lines;
        for c in text.chars() {
            match c {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                '\'' => self.out.push_str("&#39;"),
                '\n' => self.out.push_str("<br>\n"),
                '\t' => self.out.push_str("&nbsp;&nbsp;&nbsp; "),
                ' ' if gap => self.out.push_str("&nbsp;"),
                c => self.out.push(c),
            }
            gap = lines && matches!(c, '\n' | '\t' | ' ');
        }
    }
}
