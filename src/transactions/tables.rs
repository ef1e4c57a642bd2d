//! The tables that events were seen of, and the names that a connector has for them.

use std::collections::{BTreeSet, HashMap};

use rowkind_formats::Table;

/// Tables by their names.
#[derive(Debug, Default)]
pub(super) struct Tables {
    known: HashMap<Table<'static>, usize, foldhash::fast::RandomState>,
    /// By every name that a connector may have for a table.
    named: HashMap<String, Vec<usize>>,
    /// The partitions that have events of the table.
    partitions: Vec<BTreeSet<usize>>,
    /// Whether a topic has events of a table by whose name it does not go.
    pub(super) are_routed: bool,
}

impl Tables {
    /// The number of a table that has an event in a partition of `topic`.
    pub(super) fn of(&mut self, table: &Table<'_>, partition: usize, topic: &str) -> usize {
        let number = match self.known.get(table) {
            Some(number) => *number,
            None => self.add(table, topic),
        };
        self.partitions[number].insert(partition);
        number
    }

    fn add(&mut self, table: &Table<'_>, topic: &str) -> usize {
        let number = self.partitions.len();
        self.known.insert(table.clone().into_owned(), number);
        self.partitions.push(BTreeSet::new());
        let names = names(table);
        self.are_routed |= !names.iter().any(|name| is_topic_of(topic, name));
        for name in names {
            self.named.entry(name).or_default().push(number);
        }
        number
    }

    /// The tables that a connector may mean by `name`.
    pub(super) fn named(&self, name: &str) -> &[usize] {
        self.named.get(name).map_or(&[], Vec::as_slice)
    }

    /// The partitions that have had events of a table.
    pub(super) fn partitions(&self, number: usize) -> &BTreeSet<usize> {
        &self.partitions[number]
    }
}

/// `schema.table` (Postgres), `database.table` (`MySQL`), `database.schema.table` (SQL Server, Oracle).
fn names(Table { database, schema, name }: &Table<'_>) -> Vec<String> {
    match (database, schema) {
        (Some(database), Some(schema)) => vec![format!("{schema}.{name}"), format!("{database}.{schema}.{name}")],
        (None, Some(namespace)) | (Some(namespace), None) => vec![format!("{namespace}.{name}")],
        (None, None) => vec![name.to_string()],
    }
}

/// Whether a topic is the one of a table as connectors name them: `prefix.schema.table`, with what a topic's name cannot
/// have replaced. The database of Oracle is not in it.
pub(super) fn is_topic_of(topic: &str, name: &str) -> bool {
    let adjusted = adjusted(name);
    let ends_with =
        |tail: &str| topic.strip_suffix(tail).is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('.'));
    ends_with(&adjusted) || adjusted.split_once('.').is_some_and(|(_, rest)| rest.contains('.') && ends_with(rest))
}

/// A table's name as topics have it.
pub(super) fn adjusted(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::is_topic_of;

    #[test]
    fn topics_of_tables() {
        assert!(is_topic_of("shop.public.orders", "public.orders"));
        assert!(is_topic_of("shop.Mixed_Case.Order_Items", "Mixed Case.Order Items"));
        assert!(is_topic_of("shop.INVENTORY.ORDERS", "PDB1.INVENTORY.ORDERS"));
        assert!(!is_topic_of("shop.public.reorders", "public.orders"));
        assert!(!is_topic_of("shop.public.orders", "orders.public"));
        assert!(!is_topic_of("shop.unpublic.orders", "public.orders"));
    }
}
