//! Which tables are read: an end counts the events of all tables that the connector captures.

use regex::Regex;

use super::tables::{adjusted, is_topic_of};
use crate::config::is_subscribed;

/// What is read, as far as settings and the assignment tell.
#[derive(Debug, Clone, Default)]
pub struct Reads {
    /// Of which source tables rows are applied; of all when `None`.
    pub tables: Option<Regex>,
    /// Topics by name and by pattern (with a `^` at its front), which may not be there yet.
    pub subscription: Vec<String>,
}

impl Reads {
    /// Whether events of a table are read that no event was seen of. `topics` are those that are read now,
    /// `transactions` the transaction topic, and `are_routed` says that topics do not go by tables.
    pub(super) fn has(&self, name: &str, topics: &[&str], transactions: &str, are_routed: bool) -> bool {
        // a logical message is counted under the name of an object of the connector's
        if name.contains("LogicalDecodingMessageMonitor$") || !self.wants(name) {
            return false;
        }
        if are_routed || topics.iter().any(|topic| is_topic_of(topic, name)) {
            return true;
        }
        let prefix = transactions.rsplit_once('.').map(|(prefix, _)| prefix);
        let Some(prefix) = prefix else { return true };
        let expected = format!("{prefix}.{}", adjusted(name));
        self.subscription.iter().any(|wanted| is_subscribed(wanted, &expected))
            || topics.iter().any(|topic| !is_of_one_table(topic, prefix, transactions))
    }

    /// Whether rows of a table are applied.
    pub(super) fn wants(&self, name: &str) -> bool {
        let without_database = name.split_once('.').map_or(name, |(_, rest)| rest);
        self.tables.as_ref().is_none_or(|pattern| pattern.is_match(name) || pattern.is_match(without_database))
    }
}

/// Whether a topic's name has the form of those that go by a table, or is another one of the connector's own.
fn is_of_one_table(topic: &str, prefix: &str, transactions: &str) -> bool {
    // a mirror may have put a prefix of its own before the connector's
    let is_heartbeat = topic.split('.').any(|part| part.starts_with("__debezium"));
    let is_own = topic == transactions || topic == prefix || is_heartbeat;
    let rest = topic.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.'));
    is_own || rest.is_some_and(|rest| rest.contains('.') || rest == "message")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(subscription: &[&str], topics: &[&str], name: &str) -> bool {
        let subscription = subscription.iter().map(|name| (*name).to_owned()).collect();
        Reads { tables: None, subscription }.has(name, topics, "shop.transaction", false)
    }

    #[test]
    fn tables_that_are_read() {
        let topics = ["shop.public.orders", "shop.transaction", "shop.message"];
        assert!(has(&[], &topics, "public.orders"));
        assert!(!has(&[], &topics, "public.items"), "its topic is not among those that are read");
        assert!(!has(&[], &["shop.transaction", "mirror.__debezium-heartbeat.shop"], "public.items"));
        assert!(has(&["^shop\\..*"], &topics, "public.items"), "its topic is to come");
        assert!(has(&["shop.public.items"], &topics, "public.items"));
        assert!(has(&[], &["shop.all", "shop.transaction"], "public.items"), "it may be in that one");
        let message =
            "io.debezium.connector.postgresql.LogicalDecodingMessageMonitor$LogicalDecodingMessageId@550bceba";
        assert!(!has(&["^shop\\..*"], &["shop.all"], message));
    }

    #[test]
    fn tables_that_nobody_wants() {
        let tables = Some(Regex::new("^dbo\\.orders$").expect("it is a pattern"));
        let reads = Reads { tables, subscription: vec!["^shop\\..*".to_owned()] };
        assert!(reads.wants("shop.dbo.orders") && reads.wants("dbo.orders"));
        assert!(!reads.has("dbo.items", &["shop.dbo.items"], "shop.transaction", false));
    }
}
