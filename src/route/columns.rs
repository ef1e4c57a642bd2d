//! Which columns of the source a target table has, and how they are called there.

use std::borrow::Cow;

use rowkind_formats::{Change, Field, Key, Row, RowKind, RowSchema};

/// The columns that are taken over. All names are the source's, but for those that they are given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// Only these; `None` for all.
    pub include: Option<Vec<String>>,
    /// All but these.
    pub exclude: Vec<String>,
    /// Name at the source, name in the target.
    pub rename: Vec<(String, String)>,
}

impl Columns {
    /// The name that a column of the source has in the target.
    pub fn target_name<'n>(&'n self, name: &'n str) -> &'n str {
        self.rename.iter().find(|(from, _)| from == name).map_or(name, |(_, to)| to)
    }

    /// Whether all are taken over as they are.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// The columns of an event's schema as the target has them, with those of its key that no row has: the key field
    /// that `ToLogicalTopicRouter` adds.
    pub(super) fn fields(&self, schema: &RowSchema, key: Option<&Key<'_>>) -> Vec<Field> {
        let is_of_key = |field: &Field| {
            let name = self.target_name(&field.name);
            key.is_some_and(|key| key.columns.iter().any(|column| column.name == name))
        };
        let of_row = schema.fields.iter().filter(|field| self.has(&field.name) || is_of_key(field));
        let key_fields = key.and_then(|key| key.schema.as_ref()).map_or(&[][..], |schema| &schema.fields);
        let is_new = |field: &&Field| !schema.fields.iter().any(|known| known.name == field.name);
        let of_key_alone = key_fields.iter().filter(is_new).filter(|field| !self.excludes(&field.name));
        let renamed = |field: &Field| Field { name: self.target_name(&field.name).to_owned(), ..field.clone() };
        of_row.chain(of_key_alone).map(renamed).collect()
    }

    /// Leaves the columns that are taken over, under their new names. A key column goes only when it is excluded by its
    /// name: leaving it out of `include` would join rows that are two at the source.
    pub(super) fn reshape(&self, change: &mut Change<'_>) {
        if !self.is_all() {
            self.choose(change);
        }
        add_key_columns(change);
    }

    fn choose(&self, change: &mut Change<'_>) {
        let of_key: Vec<String> = change.key.iter().flat_map(|key| &key.columns).map(|c| c.name.to_string()).collect();
        let has = |name: &str| self.has(name) || (of_key.iter().any(|key| key == name) && !self.excludes(name));
        for row in &mut change.rows {
            row.columns.retain(|column| has(&column.name));
            row.not_sent.retain(|name| has(name));
            let names = row.columns.iter_mut().map(|column| &mut column.name).chain(&mut row.not_sent);
            names.for_each(|name| self.rename(name));
        }
        change.key = change.key.take().and_then(|key| self.reshape_key(key));
    }

    /// The key without what is excluded, under new names; `None` when nothing is left of it.
    pub(super) fn reshape_key<'a>(&self, mut key: Key<'a>) -> Option<Key<'a>> {
        key.columns.retain(|column| !self.excludes(&column.name));
        key.columns.iter_mut().for_each(|column| self.rename(&mut column.name));
        (!key.columns.is_empty()).then_some(key)
    }

    fn rename(&self, name: &mut Cow<'_, str>) {
        if let Some((_, to)) = self.rename.iter().find(|(from, _)| from == name) {
            *name = Cow::Owned(to.clone());
        }
    }

    fn has(&self, name: &str) -> bool {
        let is_included = self.include.as_ref().is_none_or(|names| names.iter().any(|included| included == name));
        is_included && !self.excludes(name)
    }

    fn excludes(&self, name: &str) -> bool {
        self.exclude.iter().any(|excluded| excluded == name)
    }
}

/// Gives rows the columns of their key that they do not have.
fn add_key_columns(change: &mut Change<'_>) {
    let Some(key) = &change.key else { return };
    for row in &mut change.rows {
        for column in &key.columns {
            // nearly always the row has it, and near its start
            if row.get(&column.name).is_none() && !row.not_sent.contains(&column.name) {
                row.columns.push(column.clone());
            }
        }
    }
}

/// Makes columns of the row its key. An update that changes them becomes a delete and an insert.
pub(super) fn key_by(change: &mut Change<'_>, names: &[&str]) {
    let mut rest = change.rows.as_mut_slice();
    while let [first, following @ ..] = rest {
        if let ([new, ..], RowKind::UpdateBefore) = (&mut *following, first.kind)
            && names.iter().any(|name| matches!((first.get(name), new.get(name)), (Some(old), Some(new)) if old != new))
        {
            (first.kind, new.kind) = (RowKind::Delete, RowKind::Insert);
        }
        rest = following;
    }
    // a key of columns that were not sent stays empty of them: whoever needs their values says that they are missing
    let of =
        |row: &Row<'_>| names.iter().filter_map(|name| row.columns.iter().find(|column| column.name == *name)).count();
    let Some(row) = change.rows.iter().max_by_key(|row| of(row)) else { return };
    // the rows of a message with many are not of one row of the source, and none has the key of another
    let is_of_one = match change.rows.as_slice() {
        [_] => true,
        [old, new] => old.kind != new.kind,
        _ => false,
    };
    let value = |name: &str| row.columns.iter().find(|column| column.name == name).filter(|_| is_of_one);
    let columns = names.iter().map(|name| match value(name) {
        Some(column) => column.clone(),
        None => rowkind_formats::Column { name: Cow::Owned((*name).to_owned()), value: rowkind_formats::Value::Null },
    });
    change.key = Some(Key { columns: columns.collect(), schema: None });
}

#[cfg(test)]
mod tests {
    use rowkind_formats::{Decoder, Event, Format, Record, Told, Value, changelog};

    use super::super::{KeyBy, Route, TableTemplate};
    use crate::query::Place;

    fn check(change: impl Fn(&mut Route), key: &str, payload: &str, expected: &str) {
        let record = Record {
            topic: "t",
            partition: 0,
            offset: 0,
            key: Some(key.as_bytes()),
            payload: Some(payload.as_bytes()),
        };
        let Event::Change(mut decoded) = Decoder::default().decode(&record).expect("the test's record is one") else {
            panic!("the test's record is a change");
        };
        let mut route = Route::to(TableTemplate::parse("{table}").expect("it is a template"));
        change(&mut route);
        let place = Place { record: &record, timestamp_ms: None };
        route.reshape(&mut decoded, place).expect("there is no query");
        let key = decoded.key.iter().flat_map(|key| &key.columns).map(|column| column.name.as_ref());
        let key = key.collect::<Vec<_>>().join(",");
        assert_eq!(format!("({key}) {}", changelog::text(&Event::Change(decoded)).trim_end()), expected);
    }

    const UPDATE: &str =
        r#"{"op":"u","source":{"table":"t"},"before":{"id":1,"a":2,"b":3},"after":{"id":1,"a":4,"b":3}}"#;

    #[test]
    fn columns_are_chosen_and_renamed() {
        let include = |route: &mut Route| {
            route.columns.include = Some(vec!["b".into()]);
            route.columns.rename = vec![("b".into(), "c".into()), ("id".into(), "no".into())];
        };
        check(include, r#"{"id":1}"#, UPDATE, "(no) -U t {\"no\":1,\"c\":3}\n+U t {\"no\":1,\"c\":3}");
        let exclude = |route: &mut Route| route.columns.exclude = vec!["a".into(), "extra".into()];
        check(exclude, r#"{"id":1,"extra":"x"}"#, UPDATE, "(id) -U t {\"id\":1,\"b\":3}\n+U t {\"id\":1,\"b\":3}");
    }

    #[test]
    fn a_change_of_the_chosen_key_is_a_delete_and_an_insert() {
        let by_a = |route: &mut Route| route.key = KeyBy::Columns(vec!["a".into()]);
        check(by_a, r#"{"id":1}"#, UPDATE, "(a) -D t {\"id\":1,\"a\":2,\"b\":3}\n+I t {\"id\":1,\"a\":4,\"b\":3}");
        let by_b = |route: &mut Route| route.key = KeyBy::Columns(vec!["b".into()]);
        check(by_b, r#"{"id":1}"#, UPDATE, "(b) -U t {\"id\":1,\"a\":2,\"b\":3}\n+U t {\"id\":1,\"a\":4,\"b\":3}");
    }

    /// Canal's messages have many rows, and none has the key of another.
    #[test]
    fn a_chosen_key_of_many_rows() {
        let payload = br#"{"type":"UPDATE","table":"t","data":[{"a":"1","b":"1"},{"a":"2","b":"2"},{"b":"3"}],
                           "old":[{"b":"0"},{"a":"9"},{}]}"#;
        let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload) };
        let mut decoder = Decoder::new(Format::CanalJson, &Told::default());
        let Ok(Event::Change(mut change)) = decoder.decode(&record) else { panic!("the test's record is a change") };
        super::key_by(&mut change, &["a"]);
        let kinds: Vec<_> = change.rows.iter().map(|row| row.kind.short()).collect();
        assert_eq!(kinds, ["-U", "+U", "-D", "+I", "-U", "+U"]);
        let key = change.key.expect("it was chosen").columns;
        assert!(key.iter().all(|column| column.name == "a" && column.value == Value::Null), "{key:?}");
    }
}
