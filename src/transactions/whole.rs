//! What is left of a cut when a record in it cannot be applied.

use std::collections::{HashMap, HashSet};

use super::{FREE, Serial};

/// Which records of a batch can be applied without the one at `index`, all that follow it in its partition, and every
/// transaction that any of them belongs to. `members` has the partition and the transaction of each record.
pub fn whole_before(members: &[(usize, Serial)], index: usize) -> Vec<bool> {
    let mut keeps = vec![true; members.len()];
    let mut places: HashMap<Serial, Vec<usize>> = HashMap::new();
    let mut of_partition: HashMap<usize, Vec<usize>> = HashMap::new();
    for (at, (partition, serial)) in members.iter().enumerate() {
        of_partition.entry(*partition).or_default().push(at);
        if *serial != FREE {
            places.entry(*serial).or_default().push(at);
        }
    }
    let mut seen = HashSet::new();
    let mut todo = vec![index];
    while let Some(from) = todo.pop() {
        // behind the first record that goes, its whole partition is gone already
        let behind = of_partition.get(&members[from].0).map_or(&[][..], Vec::as_slice);
        for at in behind.iter().rev().take_while(|at| **at >= from) {
            keeps[*at] = false;
            let serial = members[*at].1;
            if serial != FREE && seen.insert(serial) {
                todo.extend(places.get(&serial).into_iter().flatten().filter(|at| keeps[**at]));
            }
        }
    }
    keeps
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records as `partition:transaction`, 0 for none; what is kept of them.
    fn kept(records: &str, index: usize) -> String {
        let members: Vec<(usize, Serial)> = records
            .split(' ')
            .map(|record| record.split_once(':').expect("the test writes a colon"))
            .map(|(partition, serial)| (partition.parse().expect("a number"), serial.parse().expect("a number")))
            .collect();
        let keeps = whole_before(&members, index);
        records.split(' ').zip(keeps).filter(|(_, keep)| *keep).map(|(record, _)| record).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_transaction_goes_whole_and_all_behind_it() {
        assert_eq!(kept("0:1 1:1 0:2 1:2 0:3 2:0", 3), "0:1 1:1 2:0");
        assert_eq!(kept("0:1 1:1 0:2 1:2 0:3 2:0", 1), "2:0");
        assert_eq!(kept("0:1 1:2 0:0 1:3 0:3 0:0", 2), "0:1 1:2");
    }

    #[test]
    fn what_hangs_together_over_several_partitions() {
        // 2 goes with the record, 3 with what is behind 2
        assert_eq!(kept("0:1 0:2 1:2 1:3 2:3 2:4 3:5", 1), "0:1 3:5");
        assert_eq!(kept("0:0 0:0 0:0", 0), "");
    }
}
