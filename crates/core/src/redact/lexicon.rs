//! The words by which names and values are judged: one table, built at the first use.

use std::sync::LazyLock;

use super::words::Word;

/// What is known of a word: a set of the constants below.
pub(super) type Flags = u64;

// A word that hides a value by itself.
/// What people make up; it may be of several words.
pub(super) const PASSWORD: Flags = 1;
/// Words that are a secret together: the value goes on after a blank whatever the separator.
pub(super) const PASSPHRASE: Flags = 1 << 1;
/// A header, whose value is the rest of the line.
pub(super) const HEADER: Flags = 1 << 2;
/// A connection string: the rest of the line, if it looks like one.
pub(super) const CONNECTION: Flags = 1 << 3;
pub(super) const TOKEN: Flags = 1 << 4;
pub(super) const STRONG: Flags = 1 << 5;
/// A secret of few digits, such as the code on the back of a card.
pub(super) const FEW_DIGITS: Flags = 1 << 6;
pub(super) const SIGNATURE: Flags = 1 << 7;
/// An everyday word, that hides what looks like a secret, as the last word of a name.
pub(super) const WEAK: Flags = 1 << 8;
/// Several of them: numbers are counts.
pub(super) const PLURAL: Flags = 1 << 9;
pub(super) const PASS: Flags = 1 << 10;
pub(super) const SEED: Flags = 1 << 11;

// A word that hides a value together with the word before it.
pub(super) const KEY: Flags = 1 << 12;
pub(super) const CODE: Flags = 1 << 13;
pub(super) const ID: Flags = 1 << 14;
pub(super) const NUMBER: Flags = 1 << 15;
/// `connection string`, `auth header`, `auth data`.
pub(super) const TEXT: Flags = 1 << 16;
pub(super) const PHRASE: Flags = 1 << 17;
pub(super) const CARD: Flags = 1 << 18;
pub(super) const ASSERTION: Flags = 1 << 19;
pub(super) const ADDRESS: Flags = 1 << 20;
pub(super) const WEBHOOK: Flags = 1 << 21;
pub(super) const PIN: Flags = 1 << 22;

// A word that makes a secret of the word behind it.
pub(super) const BEFORE_KEY: Flags = 1 << 23;
/// As `BEFORE_KEY`, for what looks like a secret only.
pub(super) const BEFORE_WEAK_KEY: Flags = 1 << 24;
pub(super) const BEFORE_CODE: Flags = 1 << 25;
pub(super) const BEFORE_NUMBER: Flags = 1 << 26;
pub(super) const BEFORE_PASS: Flags = 1 << 27;
/// `auth`, `connection`: before a `TEXT`.
pub(super) const BEFORE_TEXT: Flags = 1 << 28;

// A word that says that there is no secret.
/// At the end of a name, which then speaks about a secret.
pub(super) const ABOUT: Flags = 1 << 29;
/// At the start of a name, which then is a question or a number.
pub(super) const QUESTION: Flags = 1 << 30;
/// Before `token`: cursors, and the counters of language models.
pub(super) const CURSOR: Flags = 1 << 31;
/// Before `token`: what parsers say.
pub(super) const PARSER: Flags = 1 << 32;
/// A verb before a name whose value then is the name of a resource.
pub(super) const RESOURCE: Flags = 1 << 33;
/// Before `pass` and `pin`: a run of a program, a pin of a chip.
pub(super) const ORDINAL: Flags = 1 << 34;
/// Before `signature`: that of a function.
pub(super) const CALLABLE: Flags = 1 << 35;

// A word of a value.
/// The state of a secret.
pub(super) const STATUS: Flags = 1 << 36;
/// A word of grammar, with which a sentence begins.
pub(super) const GRAMMAR: Flags = 1 << 37;
pub(super) const TYPE: Flags = 1 << 38;
/// An algorithm, which has letters and digits and is no secret.
pub(super) const ALGORITHM: Flags = 1 << 39;
/// What a number counts or tells apart; before a number of a card's length it makes it an identifier.
pub(super) const IDENTIFIER: Flags = 1 << 40;
/// A source of `nsswitch.conf`, behind `passwd:`.
pub(super) const SOURCE: Flags = 1 << 41;
/// Between a name and its value in a sentence: `is`, `was`, `to`.
pub(super) const LINK: Flags = 1 << 42;
/// A key whose value is the name of something: `name="password" value="..."`.
pub(super) const NAMES: Flags = 1 << 43;
/// A key whose value is the value of that.
pub(super) const VALUE: Flags = 1 << 44;
/// Before what somebody logs in with.
pub(super) const LOGIN: Flags = 1 << 45;
/// A verb with which a sentence on a secret begins, in quotes too.
pub(super) const MODAL: Flags = 1 << 48;
/// Before a code that is known by three digits.
pub(super) const SECURITY: Flags = 1 << 46;
/// `social` of `social security number`.
pub(super) const SOCIAL: Flags = 1 << 47;

/// The name may hide something; which words stand before it matters.
pub(super) const DECIDES: Flags = PASSWORD
    | PASSPHRASE
    | HEADER
    | CONNECTION
    | TOKEN
    | STRONG
    | FEW_DIGITS
    | SIGNATURE
    | WEAK
    | PASS
    | SEED
    | KEY
    | CODE
    | ID
    | NUMBER
    | TEXT
    | PHRASE
    | CARD
    | ASSERTION
    | ADDRESS
    | WEBHOOK
    | PIN;

const GROUPS: &[(Flags, &str)] = &[
    (
        PASSWORD,
        "password passwd pwd pw passcode passwort kennwort senha contrasena contrasenya wachtwoord losenord heslo \
         haslo jelszo parola parole salasana adgangskode passord sifre katasandi motdepasse mdp passwordhash pass-word",
    ),
    (PASSWORD | PLURAL, "passwords passwds pwds passcodes"),
    (PASSPHRASE, "passphrase mnemonic"),
    (PASSPHRASE | PLURAL, "passphrases mnemonics"),
    (PASSWORD, "secret credential cred"),
    (PASSWORD | PLURAL, "secrets credentials creds"),
    (HEADER, "authorization authorisation cookie setcookie"),
    (HEADER | PLURAL, "cookies"),
    (CONNECTION, "dsn connectionstring connstring connstr"),
    (TOKEN, "token"),
    (TOKEN | PLURAL, "tokens"),
    (
        STRONG,
        "jwt bearer otp totp hotp csrf xsrf hmac psk htpasswd pgpass userpass dbpass cardnumber cardno cardnum \
         ccnumber ccnum creditcard sessionid sessionkey phpsessid jsessionid sessid aspsessionid stripetoken idtoken \
         usertoken bottoken xauth webhooksecret privkey appsecret storepass keypass keystorepass bindpw rootpw \
         userpw requirepass samlresponse samlrequest samlassertion vapid",
    ),
    (STRONG | PLURAL, "jwts signatures"),
    (FEW_DIGITS, "cvv cvc csc cvn ssn iban"),
    (SIGNATURE, "signature"),
    (WEAK, "auth sid sig salt pepper nonce session"),
    (PASS, "pass passe"),
    (SEED, "seed"),
    (KEY, "key"),
    (KEY | PLURAL, "keys"),
    (CODE, "code"),
    (CODE | PLURAL, "codes"),
    (ID, "id"),
    (NUMBER, "number no num nr"),
    (TEXT, "string str header hash data digest"),
    (PHRASE, "phrase word words"),
    (CARD, "card"),
    (ASSERTION, "response assertion verifier material community"),
    (ADDRESS, "url uri"),
    (WEBHOOK, "webhook"),
    (PIN, "pin"),
    // `APIkey`, split at its hump.
    (KEY, "ikey"),
    (BEFORE_KEY, "ap"),
    (
        BEFORE_KEY,
        "api access secret private priv auth encryption encrypt decryption signing master session shared account \
         storage webhook hmac cipher crypto wrapping recovery symmetric stripe sendgrid mailgun twilio openai \
         anthropic github gitlab aws azure gcp google firebase functions hash",
    ),
    (
        BEFORE_WEAK_KEY,
        "sign ssh gpg pgp service client app application license licence subscription aes rsa deploy root admin \
         server bot integration tls ssl user host product activation",
    ),
    (
        BEFORE_CODE,
        "pass auth authorization access security verification recovery backup mfa otp sms login confirmation \
         activation authenticator fa twofactor unlock device reset onetime",
    ),
    (SECURITY, "security"),
    (SOCIAL, "social"),
    (BEFORE_NUMBER, "card cc passport account routing acct"),
    (
        BEFORE_PASS,
        "db database user smtp mail email imap ftp ssh mysql pg postgres redis admin root proxy auth http login \
         mongo ldap amqp rabbitmq mqtt sudo keystore store bind",
    ),
    (BEFORE_TEXT, "connection conn auth authorization"),
    (
        ABOUT,
        "count len length size limit type kind policy strength attempt attempts retry retries enabled disabled \
         required valid present version algorithm alg algo bucket buckets bytes ms secs seconds minutes hours days \
         index usage budget rate endpoint banner consent domain path file files dir folder name names status issuer \
         audience scope scopes provider rotation requirements requirement manager at in out age ttl expires expired \
         expiry expiration changed ids stdin country source store format encoding prefix label hint column table \
         reader writer validator checker generator parser error errors failure failures warning reason result \
         action screen updated created exists needed match matches mismatch stream server service handler helper \
         middleware reset metadata info stats kinds types authority budgets per used left remaining cost costs \
         family iterations rounds ref refs reference env var variable fingerprint owner user prompt page field fields events event rs py js ts go java rb php cpp html css sh kt swift cs \
         jsx tsx vue sql toml yaml yml json xml md txt lock cfg ini conf pem crt pub",
    ),
    (
        QUESTION,
        "is has had needs requires require should num max min total without no can allow use uses using",
    ),
    (
        CURSOR,
        "page next prev previous continuation cancellation cancel eos bos pad stop max min total prompt completion \
         input output reasoning cached used remaining lookahead start end begin special sync change stream resume \
         pagination cursor delta fencing text audio image generated new extra spent",
    ),
    (
        PARSER,
        "unexpected expected invalid illegal bad unknown near syntax unrecognized stray trailing missing",
    ),
    (
        RESOURCE,
        "mount load find get fetch read create delete update sync watch list named apply import export sealed \
         mounted mounting loading creating deleting updating",
    ),
    (
        ORDINAL,
        "first second third last final next previous gpio led chip header dry optimizer compiler render single",
    ),
    (CALLABLE, "function fn method type call time trait closure file document digital"),
    (
        STATUS,
        "missing expired invalid valid ok okay failed failure failing denied rejected accepted required optional \
         empty unset set unknown changed unchanged reset rotated revoked disabled enabled disable enable on off yes \
         no none null nil undefined absent present found mismatch wrong incorrect bad good weak strong default hidden \
         masked redacted omitted removed filtered stripped sensitive private public active inactive inuse pending \
         used unused true false success successful error n/a na blank ignored skipped loaded saved updated created \
         deleted verified unverified matched unmatched refreshed renewed issued signed unsigned provided given \
         configured encrypted confirmed blocked locked unlocked unavailable available unsupported supported \
         malformed sent delivered received corrupt broken stale fresh done not never todo tbd unauthorized forbidden insufficient mandatory \
         elapsed timeout throttled exceeded exhausted",
    ),
    (
        GRAMMAR,
        "a an and are at can can't cannot could did does for from has have had is isn't it its may must of or please \
         should shouldn't the this that these to too was wasn't were will won't with without within you your we our \
         my no not be been being by if in into on one when while who why how use uses using type enter field value at \
         than then there they doesn't don't didn't needs need",
    ),
    (LINK, "is was are were to by be as equals"),
    (
        MODAL,
        "is isn't was wasn't must should shouldn't cannot can can't may has hasn't does doesn't needs requires too",
    ),
    (
        TYPE,
        "string str bool boolean int integer number float double char bytes text varchar uuid u8 u16 u32 u64 u128 \
         usize i8 i16 i32 i64 i128 isize f32 f64 any object array list map option vec box void uint8 uint16 uint32 \
         uint64 int8 int16 int32 int64 secretstring impl dyn fn",
    ),
    (
        ALGORITHM,
        "sha1 sha2 sha3 sha224 sha256 sha384 sha512 md4 md5 argon2 argon2i argon2d argon2id bcrypt scrypt pbkdf2 \
         oauth oauth1 oauth2 http http1 http2 http3 h2 base32 base58 base64 utf8 utf16 ed25519 ed448 x25519 x448 rsa \
         dsa ecdsa p256 p384 p521 secp256k1 es256 es384 es512 rs256 rs384 rs512 ps256 hs256 hs384 hs512 aes aes128 \
         aes192 aes256 gcm cbc chacha20 poly1305 ipv4 ipv6 ip4 ip6 x509 x86 arm64 amd64 s3 ec2 k8s utf8mb4 p12 \
         pkcs1 pkcs7 pkcs8 pkcs11 pkcs12 tls1 ssl3 ntlm kerberos krb5 saml2 oidc id3 mp3 mp4 h264 h265 crc32 blake2 \
         blake2b blake2s blake3 xxh3 fido2 u2f ctap2 webauthn hotp totp",
    ),
    (
        IDENTIFIER,
        "order orders tracking invoice isbn issn ean upc gtin sku barcode imei imsi iccid meid phone tel telephone \
         mobile cell fax msisdn snowflake id ids uid gid pid tid oid uuid ref reference ticket case shipment parcel \
         consignment timestamp ts time epoch epochs ns us ms nanos micros millis seconds offset seq sequence serial \
         customer user member message msg request trace span correlation event build version revision rev commit \
         hash checksum crc size bytes length len count counter total amount balance price port thread block tx \
         height slot shard partition node worker job task batch run item product article line row column page cursor \
         key index position pos lsn gtid binlog xid txid vin plate iata booking reservation vat tax ein duns lei \
         channel guild server tweet post comment video chat group record entry document file inode dev call contact \
         lead deal opportunity campaign ad pixel device sensor meter asset lot bin stock warehouse pickup return rma \
         claim policy contract quote receipt payout transfer transaction payment refund charge session generation \
         nonce etag ticks tick clock rowid objectid flake number no nr num",
    ),
    (SOURCE, "files compat systemd nis nisplus sss ldap db winbind dns mymachines"),
    (NAMES, "name key header field param parameter attribute label id"),
    (VALUE, "value val content contents data"),
    (LOGIN, "login logon credentials creds user"),
];

/// Behind which a run-together name hides something: `PGPASSWORD`, `myapikey`, `appSecret`. No English word ends so.
const TAILS: &[(Flags, &str)] = &[
    (PASSWORD, "password"),
    (PASSWORD, "passwd"),
    (PASSWORD, "passwort"),
    (PASSWORD, "kennwort"),
    (PASSWORD | PLURAL, "passwords"),
    (PASSPHRASE, "passphrase"),
    (PASSWORD, "secret"),
    (PASSWORD | PLURAL, "secrets"),
    (STRONG, "apikey"),
    (STRONG | PLURAL, "apikeys"),
    (STRONG, "accesskey"),
    (STRONG, "accesskeyid"),
    (STRONG, "secretkey"),
    (STRONG, "privatekey"),
    (STRONG, "authkey"),
    (STRONG, "accountkey"),
    (STRONG, "sessionid"),
    (STRONG, "sessid"),
    (TOKEN, "token"),
    (HEADER, "cookie"),
];

/// The table: an open-addressed index of the entries.
struct Lexicon {
    index: Vec<u16>,
    /// Hashes of words, and what is known of them.
    entries: Vec<(u64, Flags)>,
    /// The pairs of letters of which each word that decides has one: a set for each first letter.
    pairs: [u32; 32],
}

/// Half of the places at least are free.
const BITS: u32 = 12;
const NONE: u16 = u16::MAX;

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut lexicon = Lexicon { index: vec![NONE; 1 << BITS], entries: Vec::new(), pairs: [0; 32] };
    for (flags, words) in GROUPS {
        for word in words.split_whitespace() {
            lexicon.add(Word::new(word.as_bytes()).hash(), *flags);
        }
    }
    lexicon.pairs = rare_pairs();
    lexicon
});

/// The words of which each name has one that hides something, those aside that need the word before them as well: then
/// it is that word.
const ROOTS: Flags = PASSWORD
    | PASSPHRASE
    | HEADER
    | CONNECTION
    | TOKEN
    | STRONG
    | FEW_DIGITS
    | SIGNATURE
    | WEAK
    | PASS
    | SEED
    | KEY
    | CODE
    | PIN
    | WEBHOOK
    | BEFORE_NUMBER
    | BEFORE_TEXT
    | SECURITY;

const MORE_ROOTS: &str = "session phrase sword credit debit saml assertion verifier snmp";

/// Names that many texts have and that hide nothing: the pairs of their letters are the last to be chosen.
const COMMON: &str = "path method port message error rows size page cursor order span tenant currency phone street name \
    created version column process topic partition group producer consumer node namespace peer score model label \
    status duration url host level target query table bytes limit offset user id request trace time timestamp count \
    total value type kind file line thread latency address remote local state result reason action event service \
    component module env region zone container image client server amount email items price first last updated \
    started finished attempt retries elapsed queue worker job task index key keys data msg role roles sku at ok id id id id id \
    id id id provider duration duration method method trace span user_id order_id";

/// The words that hide something behind another one.
const FOLLOWERS: Flags = ID | NUMBER | TEXT | PHRASE | CARD | ASSERTION | ADDRESS;

/// Chooses a pair of letters for each root: the one that is rarest in other words.
fn rare_pairs() -> [u32; 32] {
    let letter = |byte: u8| usize::from(byte & 31);
    let mut counts = [[0_u32; 32]; 32];
    let words_of = |roots: bool| {
        let groups = GROUPS.iter().filter(move |(flags, _)| (flags & ROOTS != 0) == roots);
        groups.flat_map(|(_, words)| words.split_whitespace())
    };
    for pair in words_of(false).flat_map(|word| word.as_bytes().windows(2)) {
        if let [a, b] = pair
            && let Some(count) = counts.get_mut(letter(*a)).and_then(|row| row.get_mut(letter(*b)))
        {
            *count += 1;
        }
    }
    for pair in COMMON.split_whitespace().flat_map(|word| word.as_bytes().windows(2)) {
        if let [a, b] = pair
            && let Some(count) = counts.get_mut(letter(*a)).and_then(|row| row.get_mut(letter(*b)))
        {
            *count += 20;
        }
    }
    let count = |pair: &[u8]| match pair {
        [a, b] => counts.get(letter(*a)).and_then(|row| row.get(letter(*b))).copied().unwrap_or(0),
        _ => 0,
    };
    let mut pairs = [0_u32; 32];
    let tails = TAILS.iter().map(|(_, tail)| *tail);
    let mut roots: Vec<_> = words_of(true).chain(MORE_ROOTS.split_whitespace()).chain(tails).collect();
    // Those with the least choice first.
    roots.sort_by_key(|root| root.len());
    for root in roots {
        if may_hide_by(&pairs, root.as_bytes()) {
            continue;
        }
        let rarest = root.as_bytes().windows(2).min_by_key(|pair| count(pair));
        if let Some([a, b]) = rarest
            && let Some(row) = pairs.get_mut(letter(*a))
        {
            *row |= 1 << letter(*b);
        }
    }
    pairs
}

#[inline]
fn may_hide_by(pairs: &[u32; 32], name: &[u8]) -> bool {
    let (mut last, mut hit) = (0, 0);
    for byte in name {
        let row = pairs.get(usize::from(last & 31)).copied().unwrap_or(0);
        // A letter that is none of ASCII's may look like one.
        hit |= (row >> (byte & 31)) | u32::from(byte >> 7);
        last = *byte;
    }
    hit & 1 != 0
}

/// Says whether a name may hide something by itself. Most do not, and are found out at little cost.
#[inline]
pub(super) fn may_hide(name: &[u8]) -> bool {
    may_hide_by(&LEXICON.pairs, name)
}

/// Says whether a word may hide something behind another one.
#[inline]
pub(super) fn may_follow(word: &[u8]) -> bool {
    look_up_value(word) & FOLLOWERS != 0
}

#[inline]
fn place(hash: u64) -> usize {
    // The high bits of the hash of a short word are much alike.
    usize::try_from((hash ^ (hash >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BITS)).unwrap_or(0)
}

impl Lexicon {
    fn add(&mut self, hash: u64, flags: Flags) {
        let mut at = place(hash);
        while let Some(slot) = self.index.get_mut(at) {
            match self.entries.get_mut(usize::from(*slot)) {
                Some((known, all)) if *known == hash => {
                    *all |= flags;
                    return;
                }
                Some(_) => at = (at + 1) % (1 << BITS),
                None => {
                    *slot = u16::try_from(self.entries.len()).unwrap_or(NONE);
                    self.entries.push((hash, flags));
                    return;
                }
            }
        }
    }

    #[inline]
    fn find(&self, hash: u64) -> Flags {
        let mut at = place(hash);
        loop {
            let slot = self.index.get(at).copied().unwrap_or(NONE);
            match self.entries.get(usize::from(slot)) {
                Some((known, flags)) if *known == hash => return *flags,
                Some(_) => at = (at + 1) % (1 << BITS),
                None => return 0,
            }
        }
    }
}

/// Looks a word up.
#[inline]
pub(super) fn look_up(word: Word) -> Flags {
    LEXICON.find(word.hash())
}

/// Looks up a word by its end, if it has more than that.
#[inline]
pub(super) fn look_up_tail(word: &[u8]) -> Flags {
    // The shortest is `secret` with something before it; the last letters are those of the tails.
    if word.len() < 6 || !word.last().is_some_and(|byte| b"destyn".contains(&(byte | 0x20))) {
        return 0;
    }
    find_tail(word)
}

fn find_tail(word: &[u8]) -> Flags {
    for (flags, tail) in TAILS {
        let Some((head, end)) = word.len().checked_sub(tail.len()).and_then(|at| word.split_at_checked(at))
        else {
            continue;
        };
        if end.eq_ignore_ascii_case(tail.as_bytes()) {
            // `nexttoken`, `pagetoken`
            let is_cursor = flags & TOKEN != 0 && look_up_value(head) & (CURSOR | PARSER) != 0;
            return if is_cursor { 0 } else { *flags };
        }
    }
    0
}

/// Looks a whole value up, as one word in lower case.
pub(super) fn look_up_value(value: &[u8]) -> Flags {
    if value.len() > LONGEST { 0 } else { look_up(Word::new(value)) }
}

/// No entry is longer.
const LONGEST: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_found_and_fits() {
        for (flags, words) in GROUPS {
            for word in words.split_whitespace() {
                assert!(word.len() <= LONGEST, "{word}");
                assert_eq!(look_up_value(word.as_bytes()) & flags, *flags, "{word}");
            }
        }
        assert_eq!(look_up_value(b"wombat"), 0);
        let pairs: u32 = LEXICON.pairs.iter().map(|row| row.count_ones()).sum();
        assert!(pairs < 80, "{pairs}");
        assert!(LEXICON.entries.len() < (1 << BITS) / 2, "{}", LEXICON.entries.len());
    }
}
