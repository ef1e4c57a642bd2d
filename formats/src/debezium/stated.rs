//! Types that a setting states for single columns.

use std::collections::HashMap;
use std::sync::Arc;

use crate::connect::ColumnType;
use crate::row::{RowSchema, SourceColumn, Table};

/// The type of a column of a table, stated beside its events. It goes before what their schema says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// `schema.table`, or `database.table` where the source has no schemas; the whole path before the column's name.
    /// A path of which only the end is known is not found.
    pub table: String,
    /// The column's name, as it is sent.
    pub column: String,
    /// What its values are.
    pub ty: ColumnType,
}

impl Stated {
    /// All ways to read `schema.table.column`: each of its points may be the one before the column's name, since names
    /// may hold points too.
    pub fn at_path(path: &str, ty: &ColumnType) -> Vec<Self> {
        let points = path.match_indices('.').filter_map(|(at, _)| path.split_at_checked(at));
        points
            .filter_map(|(table, column)| {
                let column = column.strip_prefix('.')?;
                Some(Self { table: table.to_owned(), column: column.to_owned(), ty: ty.clone() })
            })
            .collect()
    }
}

/// What is stated, by table.
#[derive(Debug, Default)]
pub(crate) struct StatedTypes {
    by_table: HashMap<String, Vec<Stated>>,
    /// The last schema of a table, as it was sent and as it is read.
    applied: HashMap<String, (Arc<RowSchema>, Arc<RowSchema>)>,
}

impl StatedTypes {
    pub(crate) fn new(columns: Vec<Stated>) -> Self {
        let mut by_table: HashMap<String, Vec<Stated>> = HashMap::new();
        for stated in columns {
            by_table.entry(stated.table.clone()).or_default().push(stated);
        }
        Self { by_table, applied: HashMap::new() }
    }

    /// What is stated of a table's columns.
    pub(crate) fn of(&self, table: &Table<'_>) -> &[Stated] {
        if self.by_table.is_empty() {
            return &[];
        }
        self.by_table.get(&path(table)).map_or(&[], Vec::as_slice)
    }

    /// The schema with the types that are stated.
    pub(super) fn apply(&mut self, table: &Table<'_>, schema: Arc<RowSchema>) -> Arc<RowSchema> {
        let stated = self.of(table);
        if stated.is_empty() {
            return schema;
        }
        let path = path(table);
        if let Some((sent, read)) = self.applied.get(&path)
            && Arc::ptr_eq(sent, &schema)
        {
            return Arc::clone(read);
        }
        let mut read = RowSchema::clone(&schema);
        for field in &mut read.fields {
            let sent_as = field.sent_as.as_ref().unwrap_or(&field.name);
            if let Some(stated) = stated.iter().find(|stated| stated.column == *sent_as || stated.column == field.name)
            {
                field.ty = stated.ty.clone();
                // its type is no longer what the source calls it
                field.source = SourceColumn { connector: field.source.connector, ..SourceColumn::default() };
            }
        }
        let read = Arc::new(read);
        self.applied.insert(path, (schema, Arc::clone(&read)));
        read
    }
}

fn path(table: &Table<'_>) -> String {
    match table.namespace() {
        Some(namespace) => format!("{namespace}.{}", table.name),
        None => table.name.to_string(),
    }
}
