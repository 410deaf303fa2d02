//! Find the next byte at which a secret may begin or end.

/// The bytes at which something may begin or end that is a secret.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
static TRIGGERS: [bool; 256] = {
    let mut table = [false; 256];
    let bytes = b":=%,>-_./IJBb0123456789";
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
};

/// Eight bytes at once: a branch for each costs six times as much.
pub(super) fn first_trigger(bytes: &[u8]) -> Option<usize> {
    // In JSON the next one is near.
    let near = bytes.get(..NEAR).unwrap_or(bytes).iter().position(|byte| is_trigger(*byte));
    if near.is_some() || bytes.len() <= NEAR {
        return near;
    }
    far_trigger(bytes.get(NEAR..)?).map(|steps| NEAR + steps)
}

/// How many bytes are looked at one by one before it is worth to take eight.
const NEAR: usize = 4;

fn far_trigger(bytes: &[u8]) -> Option<usize> {
    let any = |eight: &[u8]| eight.iter().fold(false, |any, byte| any | is_trigger(*byte));
    let clear = bytes.chunks_exact(8).take_while(|eight| !any(eight)).count() * 8;
    let rest = bytes.get(clear..)?;
    if rest.len() < 8 && !any(rest) {
        return None;
    }
    rest.iter().position(|byte| is_trigger(*byte)).map(|steps| clear + steps)
}

fn is_trigger(byte: u8) -> bool {
    TRIGGERS.get(usize::from(byte)).copied().unwrap_or(false)
}
