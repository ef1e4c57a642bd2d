//! Who is in a group, and has which partitions.
//!
//! What a member has stands in the group as the bytes that its leader wrote, a `ConsumerProtocolAssignment`:
//! <https://github.com/apache/kafka/blob/4.1/clients/src/main/resources/common/message/ConsumerProtocolAssignment.json>.

use std::collections::HashMap;

use rdkafka::consumer::Consumer;
use rdkafka::groups::GroupInfo;

use super::SourceError;
use super::sample::{Sampler, failed};
use crate::records::TopicPartition;

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The coordinator's name for it, which begins with `source.instance` where that is set.
    pub id: String,
    /// Its `client.id`.
    pub client_id: String,
    /// Its address, as the coordinator sees it.
    pub host: String,
}

impl Member {
    /// `source.instance` where that is set, or else the client id: what the coordinator makes its name of, with a UUID behind.
    pub fn name(&self) -> &str {
        let is_uuid =
            |tail: &str| tail.len() == 36 && tail.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        let named = self.id.len().checked_sub(37).and_then(|end| self.id.split_at_checked(end));
        match named.and_then(|(name, tail)| Some((name, tail.strip_prefix('-')?))) {
            Some((name, tail)) if !name.is_empty() && is_uuid(tail) => name,
            _ => &self.client_id,
        }
    }

    /// Its name, and where that is none of its own its address. Of a `source.instance` the coordinator keeps the first address,
    /// wherever it is now.
    pub fn place(&self) -> String {
        match self.name() {
            name if name == self.client_id => format!("{name}@{}", self.host),
            name => name.to_owned(),
        }
    }
}

/// The members of a group.
#[derive(Debug, Default)]
pub struct Members {
    /// All of them.
    pub all: Vec<Member>,
    /// Which one has a partition, by its index.
    owners: HashMap<TopicPartition, usize>,
}

impl Members {
    /// Who has a partition.
    pub fn owner(&self, partition: &TopicPartition) -> Option<&Member> {
        self.owners.get(partition).and_then(|index| self.all.get(*index))
    }
}

impl Sampler {
    /// The members of the group.
    ///
    /// # Errors
    ///
    /// When the brokers do not answer, or do not tell it.
    pub fn members(&self) -> Result<Members, SourceError> {
        let groups = self.consumer.fetch_group_list(Some(&self.group), self.timeout).map_err(failed)?;
        let mut members = Members::default();
        for member in groups.groups().iter().filter(|group| group.name() == self.group).flat_map(GroupInfo::members) {
            let owned = member.assignment().and_then(partitions).unwrap_or_default();
            members.owners.extend(owned.into_iter().map(|partition| (partition, members.all.len())));
            members.all.push(Member {
                id: member.id().to_owned(),
                client_id: member.client_id().to_owned(),
                host: member.client_host().trim_start_matches('/').to_owned(),
            });
        }
        Ok(members)
    }
}

/// The partitions of an assignment; `None` where the bytes are none.
fn partitions(assignment: &[u8]) -> Option<Vec<TopicPartition>> {
    let mut bytes = assignment;
    let _version = i16::from_be_bytes(take(&mut bytes)?);
    let n_topics = i32::from_be_bytes(take(&mut bytes)?);
    let mut partitions = Vec::new();
    for _ in 0..n_topics {
        let n_bytes = usize::try_from(i16::from_be_bytes(take(&mut bytes)?)).ok()?;
        let (name, rest) = bytes.split_at_checked(n_bytes)?;
        let topic: std::sync::Arc<str> = std::str::from_utf8(name).ok()?.into();
        bytes = rest;
        for _ in 0..i32::from_be_bytes(take(&mut bytes)?) {
            let partition = i32::from_be_bytes(take(&mut bytes)?);
            partitions.push(TopicPartition { topic: topic.clone(), partition });
        }
    }
    Some(partitions)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of two topics, as librdkafka writes it.
    const ASSIGNMENT: &[u8] = b"\0\0\0\0\0\x02\0\x01a\0\0\0\x02\0\0\0\0\0\0\0\x05\0\x02bc\0\0\0\x01\0\0\0\x01\0\0\0\0";

    #[test]
    fn an_assignment_is_read() {
        let read: Vec<String> = partitions(ASSIGNMENT).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(read, ["topic a, partition 0", "topic a, partition 5", "topic bc, partition 1"]);
    }

    #[test]
    fn names() {
        let name = |id: &str| {
            Member { id: id.to_owned(), client_id: "client".to_owned(), host: String::new() }.name().to_owned()
        };
        assert_eq!(name("shop-1-0f6ae2b7-1c55-4b1b-9c1e-6a2f0f6d2f11"), "shop-1");
        assert_eq!(name("0f6ae2b7-1c55-4b1b-9c1e-6a2f0f6d2f11"), "client");
        assert_eq!(name("é-0f6ae2b7-1c55-4b1b-9c1e-6a2f0f6d2f1ü"), "client");
        assert_eq!(name("x"), "client");
    }

    #[test]
    fn bytes_that_are_none() {
        // the user data behind it, 4 bytes, is not looked at
        for end in 0..ASSIGNMENT.len() - 4 {
            assert_eq!(partitions(&ASSIGNMENT[..end]), None, "{end}");
        }
        assert_eq!(partitions(b"\0\0\x7f\xff\xff\xff\xff\xff"), None);
    }
}
