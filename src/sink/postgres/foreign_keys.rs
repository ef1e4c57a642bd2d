//! The order that foreign keys give the tables of a batch.
//!
//! Comes in: the tables, with those that they refer to. Goes out: a rank each, parents below children. Pure.

use super::catalog::TargetTable;

/// The rank of each table: above those of the tables that it refers to, as far as they do not refer back. 0 for all where
/// none refers to another.
pub(super) fn ranks(tables: &[&TargetTable]) -> Vec<usize> {
    let position = |oid: u32| tables.iter().position(|table| table.oid == oid);
    let of_child = |(child, table): (usize, &&TargetTable)| {
        let parents = table.references.iter().filter_map(|oid| position(*oid));
        parents.map(|parent| (parent, child)).collect::<Vec<_>>()
    };
    let keys: Vec<(usize, usize)> = tables.iter().enumerate().flat_map(of_child).collect();
    let mut ranks = vec![0; tables.len()];
    // tables that refer to each other in a circle would rise for ever
    for _ in 1..tables.len() {
        let before = ranks.clone();
        for &(parent, child) in &keys {
            ranks[child] = ranks[child].max(ranks[parent] + 1);
        }
        if ranks == before {
            break;
        }
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::TargetName;

    /// `child>parent,parent`: the tables by their ranks.
    fn order(tables: &[&str]) -> String {
        let oid = |name: &str| u32::from(*name.as_bytes().first().expect("it has a name"));
        let table = |text: &&str| {
            let (name, parents) = text.split_once('>').unwrap_or((text, ""));
            TargetTable {
                name: TargetName { schema: None, table: name.to_owned() },
                oid: oid(name),
                references: parents.split(',').filter(|parent| !parent.is_empty()).map(oid).collect(),
                ..TargetTable::default()
            }
        };
        let tables: Vec<TargetTable> = tables.iter().map(table).collect();
        let mut order: Vec<_> = ranks(&tables.iter().collect::<Vec<_>>()).into_iter().zip(&tables).collect();
        order.sort_by_key(|(rank, _)| *rank);
        order.into_iter().map(|(rank, table)| format!("{}{rank}", table.name.table)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn parents_come_first() {
        assert_eq!(order(&["a", "b", "c"]), "a0 b0 c0");
        assert_eq!(order(&["a>b", "b>c", "c"]), "c0 b1 a2");
        assert_eq!(order(&["a>c", "b", "c", "d>a,c"]), "b0 c0 a1 d2");
        assert_eq!(order(&["a>z", "b"]), "a0 b0", "a table that is not in the batch");
    }

    #[test]
    fn circles_end() {
        assert_eq!(order(&["a>b", "b>a"]), "a1 b2");
        assert_eq!(order(&["a>b,c", "b>a", "c"]), "c0 a3 b4");
    }
}
