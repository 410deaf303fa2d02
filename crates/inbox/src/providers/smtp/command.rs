//! SMTP commands (RFC 5321 section 4.1, RFC 3207, RFC 4954), parsed strictly.

/// One command line, without its CRLF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SmtpCommand {
    Ehlo(String),
    Helo(String),
    StartTls,
    Auth {
        mechanism: String,
        initial: Option<String>,
    },
    Mail {
        from: String,
        parameters: Vec<(String, Option<String>)>,
    },
    Rcpt {
        to: String,
        parameters: Vec<(String, Option<String>)>,
    },
    Data,
    Rset,
    Noop,
    Quit,
    Vrfy,
    /// A known verb with a fault in what follows; holds the reply.
    Faulty(&'static str),
    Unknown,
}

impl SmtpCommand {
    pub(crate) fn parse(line: &str) -> Self {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let bare = |command: Self| if rest.is_empty() { command } else { Self::Faulty(NO_PARAMETERS) };
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" if is_client_name(rest) => Self::Ehlo(rest.to_owned()),
            "HELO" if is_client_name(rest) => Self::Helo(rest.to_owned()),
            "EHLO" | "HELO" => Self::Faulty("501 5.5.4 a domain or an address literal is expected"),
            "STARTTLS" => bare(Self::StartTls),
            "AUTH" => auth(rest),
            "MAIL" => path(rest, "FROM:")
                .map_or_else(Self::Faulty, |(from, parameters)| Self::Mail { from, parameters }),
            "RCPT" => path(rest, "TO:").map_or_else(Self::Faulty, |(to, parameters)| match to.as_str() {
                "" => Self::Faulty("501 5.1.3 a recipient is expected"),
                _ => Self::Rcpt { to, parameters },
            }),
            "DATA" => bare(Self::Data),
            "RSET" => bare(Self::Rset),
            "NOOP" => Self::Noop,
            "QUIT" => bare(Self::Quit),
            "VRFY" => Self::Vrfy,
            _ => Self::Unknown,
        }
    }
}

const NO_PARAMETERS: &str = "501 5.5.4 no parameters are allowed";
const SYNTAX: &str = "501 5.5.4 syntax: <address> follows the colon at once";
const BAD_ADDRESS: &str = "501 5.1.3 bad address syntax";

fn auth(rest: &str) -> SmtpCommand {
    let mut words = rest.split(' ');
    let Some(mechanism) = words.next().filter(|word| !word.is_empty()) else {
        return SmtpCommand::Faulty("501 5.5.4 a mechanism is expected");
    };
    let initial = words.next().map(str::to_owned);
    if words.next().is_some() {
        return SmtpCommand::Faulty("501 5.5.4 too many words");
    }
    SmtpCommand::Auth { mechanism: mechanism.to_ascii_uppercase(), initial }
}

type Path = (String, Vec<(String, Option<String>)>);

/// Parses `FROM:<address> PARAMETER=value …`; RFC 5321 allows no space after the colon.
fn path(rest: &str, word: &str) -> Result<Path, &'static str> {
    let (given, rest) = rest.split_at_checked(word.len()).ok_or(SYNTAX)?;
    if !given.eq_ignore_ascii_case(word) {
        return Err(SYNTAX);
    }
    let rest = rest.strip_prefix('<').ok_or(SYNTAX)?;
    let (address, rest) = rest.rsplit_once('>').ok_or(SYNTAX)?;
    if !address.is_empty() && !is_mailbox(address) {
        return Err(BAD_ADDRESS);
    }
    let parameters = match rest.strip_prefix(' ') {
        Some(parameters) => parameters.split(' '),
        None if rest.is_empty() => return Ok((address.to_owned(), Vec::new())),
        None => return Err(SYNTAX),
    };
    let parameters = parameters.map(|parameter| match parameter.split_once('=') {
        Some((name, value)) => (name.to_ascii_uppercase(), Some(value.to_owned())),
        None => (parameter.to_ascii_uppercase(), None),
    });
    Ok((address.to_owned(), parameters.collect()))
}

/// A dot-atom or quoted local part (64 octets), and a domain (255 octets) or an address literal.
fn is_mailbox(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    if local.is_empty() || local.len() > 64 || address.len() > 254 {
        return false;
    }
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let atoms = local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom));
    (quoted || atoms) && is_domain(domain)
}

fn is_atom(c: char) -> bool {
    c.is_ascii_alphanumeric() || !c.is_ascii() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

fn is_domain(domain: &str) -> bool {
    let literal = domain.strip_prefix('[').and_then(|d| d.strip_suffix(']'));
    if let Some(literal) = literal {
        return !literal.is_empty() && literal.chars().all(|c| c.is_ascii_alphanumeric() || ".:".contains(c));
    }
    !domain.is_empty()
        && domain.len() <= 255
        && domain.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || !c.is_ascii())
        })
}

/// Many clients send a host name with an underscore; servers take it.
fn is_client_name(name: &str) -> bool {
    is_domain(name.replace('_', "-").trim_matches('-'))
}
