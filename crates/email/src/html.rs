//! Write the HTML part: tables and inline styles, because Outlook draws with Word, and Gmail drops what it does not know.

use watchfire_core::Severity;
use watchfire_outbox::{Fact, Link, MessageContent, Occasion, Section, printable};

/// The most bytes of the part, but for its end: Gmail hides what comes after 102 kB.
const MOST: usize = 90_000;

/// Stands alone in a line where a mark can be put in when the mail is sent; no text of an alert can be it, as `<` is
/// escaped.
pub(crate) const MARK: &str = "<!--mark-->";

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
pub(crate) fn page(page: &MessageContent, occasion: &Occasion<'_>) -> String {
    let mut html = Html { out: String::with_capacity(8192), left: MOST };
    html.raw(HEAD).raw(PAGE);
    head(&mut html, page);
    for text in &page.notes {
        note(&mut html, text);
    }
    facts(&mut html, &page.facts);
    links(&mut html, &page.links);
    for section in &page.sections {
        if html.left == 0 {
            break;
        }
        section_rows(&mut html, section);
    }
    if html.left == 0 {
        html.left = 2000;
        note(&mut html, "This part is cut; the text part of this mail says more.");
    }
    html.left = html.left.max(6000);
    small_print(&mut html, page, occasion);
    html.raw(END);
    html.out
}

/// Writes what is looked up rather than read, in small letters.
fn small_print(html: &mut Html, page: &MessageContent, occasion: &Occasion<'_>) {
    html.raw(ROW)
        .raw("14px 24px 18px 24px;font-size:12px;line-height:18px;color:#69717f;")
        .raw(SANS)
        .raw(BREAK);
    html.raw("\"><span class=\"wf-soft\" style=\"color:#69717f\">");
    for fact in &page.small_print {
        html.text(&fact.label).raw(" ").text(&fact.value).raw("<br>\n");
    }
    html.raw("Group ").text(&page.group.to_string());
    html.raw(" &middot; channel ").text(occasion.channel()).raw("</span></td></tr>\n");
}

fn head(html: &mut Html, page: &MessageContent) {
    let colour = colour(page.severity);
    let bar = page.color.as_deref().unwrap_or(colour);
    html.raw("<tr><td height=\"6\" bgcolor=\"")
        .text(bar)
        .raw("\" style=\"height:6px;line-height:6px;font-size:0;");
    html.raw("background-color:").text(bar).raw("\">&nbsp;</td></tr>\n");
    html.raw(ROW).raw("20px 24px 4px 24px;font-size:13px;line-height:20px;").raw(SANS).raw("\">");
    html.raw("<span style=\"background-color:")
        .raw(colour)
        .raw(";color:#ffffff;font-weight:bold;padding:2px 8px\">");
    html.text(&page.label)
        .raw("</span><span class=\"wf-soft\" style=\"color:#69717f\">&nbsp; in ")
        .text(&page.app);
    html.raw("</span></td></tr>\n");
    html.raw(ROW).raw("0 24px;font-size:13px;line-height:20px;").raw(SANS);
    html.raw("\"><span class=\"wf-text\" style=\"color:#16191f\">\n").raw(MARK).raw("\n</span></td></tr>\n");
    html.raw(ROW)
        .raw("4px 24px 8px 24px;font-size:19px;line-height:27px;font-weight:bold;")
        .raw(SANS)
        .raw(BREAK);
    html.raw("\"><span class=\"wf-text\" style=\"color:#16191f\">")
        .text(&page.title)
        .raw("</span></td></tr>\n");
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
        pair(html, &fact.label, &fact.value, SANS);
    }
    html.raw("</table></td></tr>\n");
}

fn links(html: &mut Html, links: &[Link]) {
    if links.is_empty() {
        return;
    }
    html.raw(ROW).raw("0 24px 8px 24px;font-size:14px;line-height:24px;").raw(SANS).raw("\">");
    for (number, Link { label, url, .. }) in links.iter().enumerate() {
        html.raw(if number == 0 { "" } else { " &middot; " });
        // The address is encoded already; here the characters of HTML in it are escaped.
        html.raw("<a class=\"wf-text\" style=\"color:#16191f;font-weight:bold\" href=\"").text(url);
        html.raw("\">").text(label).raw("</a>");
    }
    html.raw("</td></tr>\n");
}

/// Writes a label and a value beside each other.
fn pair(html: &mut Html, label: &str, value: &str, font: &'static str) {
    if html.left == 0 {
        return;
    }
    html.raw("<tr><td valign=\"top\" width=\"120\" style=\"padding:3px 12px 3px 0;font-size:13px;line-height:19px;");
    html.raw(font).raw(BREAK).raw("\"><span class=\"wf-soft\" style=\"color:#69717f\">").text(label);
    html.raw("</span></td><td valign=\"top\" style=\"padding:3px 0;font-size:13px;line-height:19px;")
        .raw(font)
        .raw(BREAK);
    html.raw("\"><span class=\"wf-text\" style=\"color:#16191f\">").lines(value).raw("</span></td></tr>\n");
}

fn section_rows(html: &mut Html, section: &Section) {
    heading(html, &section.title);
    let is_stack = section.title == "Stack";
    if section.title == "Fields" {
        html.raw(ROW).raw("0 24px 8px 24px\">");
        html.raw(
            "<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\">\n",
        );
        for line in &section.lines {
            let (name, value) = line.split_once(" = ").unwrap_or((line, ""));
            pair(html, name, value, MONO);
        }
        html.raw("</table></td></tr>\n");
        return;
    }
    boxed(html, section.lines.iter().map(String::as_str), is_stack);
}

fn heading(html: &mut Html, title: &str) {
    html.raw(ROW).raw("10px 24px 4px 24px;font-size:13px;line-height:19px;font-weight:bold;").raw(SANS);
    html.raw("\"><span class=\"wf-text\" style=\"color:#16191f\">").text(title).raw("</span></td></tr>\n");
}

fn boxed<'t>(html: &mut Html, lines: impl Iterator<Item = &'t str>, is_small: bool) {
    html.raw(ROW).raw("0 24px 8px 24px\">");
    html.raw("<table class=\"wf-box\" role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" ");
    html.raw("bgcolor=\"#f6f7f9\" style=\"background-color:#f6f7f9;color:#22262e;border:1px solid #e4e7eb;table-layout:fixed\">\n");
    html.raw("<tr><td class=\"wf-box\" style=\"padding:8px 12px;color:#22262e;border:0;");
    html.raw(if is_small { "font-size:11px;line-height:16px;" } else { "font-size:13px;line-height:20px;" });
    html.raw(MONO).raw(BREAK).raw("\">");
    for (number, line) in lines.enumerate() {
        if html.left == 0 {
            break;
        }
        if number > 0 {
            html.raw("<br>");
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
    /// Bytes that still go in; markup goes in anyway, so that what was opened gets closed.
    left: usize,
}

impl Html {
    fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.out.push_str(markup);
        self.left = self.left.saturating_sub(markup.len());
        self
    }

    /// Adds one line of text.
    fn text(&mut self, text: &str) -> &mut Self {
        self.escaped(text, false)
    }

    /// Adds lines of text, with their ends and their indentation.
    fn lines(&mut self, text: &str) -> &mut Self {
        self.escaped(text, true)
    }

    fn escaped(&mut self, text: &str, lines: bool) -> &mut Self {
        let mut gap = lines;
        let mut buffer = [0; 4];
        for c in printable(text) {
            let piece = match c {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\'' => "&#39;",
                // Word ignores `white-space`: what has to stay apart is said in characters.
                '\n' if lines => "<br>",
                '\n' | '\t' if !lines => " ",
                '\t' => "&nbsp;&nbsp;&nbsp; ",
                ' ' if gap => "&nbsp;",
                c => c.encode_utf8(&mut buffer),
            };
            if piece.len() > self.left {
                self.left = 0;
                self.out.push('…');
                return self;
            }
            self.out.push_str(piece);
            self.left -= piece.len();
            gap = lines && matches!(c, '\n' | '\t' | ' ');
        }
        self
    }
}

#[cfg(test)]
mod tests;
