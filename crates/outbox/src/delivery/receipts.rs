//! The receipts of delivered messages, by channel and group.

use std::collections::BTreeMap;

use crate::{
    GroupId, Receipt,
    model::{Timestamp, hash::Fnv128},
};

/// How many groups' receipts are kept; beyond that those not used for longest go.
const MOST: usize = 1_024;
/// How many receipts are kept of a group: the first and the last of each recipient.
const MOST_OF_A_GROUP: usize = 64;

/// Keeps what delivered messages left behind at the provider, by channel and group.
#[derive(Debug, Default)]
pub(crate) struct Receipts {
    groups: BTreeMap<(String, GroupId), GroupReceipts>,
}

#[derive(Debug, Default)]
struct GroupReceipts {
    used: Timestamp,
    receipts: Vec<Receipt>,
}

impl Receipts {
    /// Returns the receipts of a group, the oldest first.
    pub(crate) fn of(&self, channel: &str, group: GroupId) -> &[Receipt] {
        self.groups.get(&(channel.to_owned(), group)).map(|kept| kept.receipts.as_slice()).unwrap_or_default()
    }

    /// Adds one; returns the key and text to keep over a restart, and the keys that are forgotten instead.
    pub(crate) fn add(
        &mut self,
        channel: &str,
        group: GroupId,
        receipt: Receipt,
        now: Timestamp,
    ) -> (String, String, Vec<String>) {
        let kept = self.groups.entry((channel.to_owned(), group)).or_default();
        kept.used = now;
        // The first is the root of a thread, the last is what is edited; those in between are not asked for.
        let same = |known: &Receipt| known.recipient() == receipt.recipient();
        if kept.receipts.iter().filter(|known| same(known)).count() > 1
            && let Some(last) = kept.receipts.iter().rposition(same)
        {
            kept.receipts.remove(last);
        }
        if kept.receipts.len() < MOST_OF_A_GROUP {
            kept.receipts.push(receipt);
        }
        let text = record(channel, group, now, &kept.receipts);
        let mut forgotten = Vec::new();
        while self.groups.len() > MOST {
            let oldest =
                self.groups.iter().min_by_key(|(_, kept)| kept.used).map(|(address, _)| address.clone());
            let Some(address) = oldest else { break };
            self.groups.remove(&address);
            forgotten.push(key(&address.0, address.1));
        }
        (key(channel, group), text, forgotten)
    }

    /// Takes what was kept over a restart.
    pub(crate) fn restore(&mut self, text: &str) {
        let Ok((channel, group, used, receipts)) =
            serde_json::from_str::<(String, String, u64, Vec<(String, String)>)>(text)
        else {
            return;
        };
        let Ok(group) = group.parse() else { return };
        let receipts =
            receipts.into_iter().map(|(recipient, reference)| Receipt::new(recipient, reference)).collect();
        self.groups.insert((channel, group), GroupReceipts { used: Timestamp::from_millis(used), receipts });
    }
}

fn record(channel: &str, group: GroupId, now: Timestamp, receipts: &[Receipt]) -> String {
    let receipts: Vec<_> =
        receipts.iter().map(|receipt| (receipt.recipient(), receipt.reference())).collect();
    serde_json::to_string(&(channel, group.to_string(), now.as_millis(), receipts)).unwrap_or_default()
}

fn key(channel: &str, group: GroupId) -> String {
    format!("{:016x}-{group}", Fnv128::new().part(channel.as_bytes()).finish_u64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(n: u64) -> GroupId {
        GroupId::from_u64(n)
    }

    #[test]
    fn a_restart_keeps_the_first_and_last_of_each_recipient() {
        let mut receipts = Receipts::default();
        let mut text = String::new();
        for n in 0..5 {
            for recipient in ["ada", "eve"] {
                let receipt = Receipt::new(recipient, format!("{recipient}-{n}"));
                text = receipts.add("ops", group(1), receipt, Timestamp::from_millis(n)).1;
            }
        }
        let mut restored = Receipts::default();
        restored.restore(&text);
        for known in [&receipts, &restored] {
            let references: Vec<&str> = known.of("ops", group(1)).iter().map(Receipt::reference).collect();
            assert_eq!(references, ["ada-0", "eve-0", "ada-4", "eve-4"]);
        }
        assert!(receipts.of("ops", group(2)).is_empty());
        restored.restore("no json");
    }

    #[test]
    fn forgets_the_groups_not_used_for_longest() {
        let mut receipts = Receipts::default();
        let mut forgotten = Vec::new();
        for n in 0..MOST as u64 + 3 {
            let (key, _, gone) =
                receipts.add("ops", group(n), Receipt::new("a", "b"), Timestamp::from_millis(n));
            forgotten.extend(gone);
            assert!(!key.is_empty());
        }
        assert_eq!(forgotten.len(), 3);
        assert!(receipts.of("ops", group(2)).is_empty() && !receipts.of("ops", group(3)).is_empty());
    }
}
