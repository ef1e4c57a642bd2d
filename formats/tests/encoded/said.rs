//! What each encoding can say of an event. Where that is not all of it, the reason stands beside it.

use std::borrow::Cow;

use rowkind_formats::{
    Change, Column, ColumnType, Connector, Encoding, Event, Field, Geometry, Key, Row, RowKind, RowSchema, Structured,
    TimeUnit, Updates, Value, changelog,
};

use crate::is_with_schema;

/// The changelog that comes back of an event; or the columns of which one is refused, or the part of the record.
pub(crate) fn by(event: &Event<'_>, encoding: Encoding) -> Result<String, Vec<String>> {
    match (event, encoding) {
        (Event::Change(change), _) => by_change(change, encoding),
        // none of them has a word for it
        (Event::Truncate { .. }, Encoding::DebeziumJson { envelopes, .. } | Encoding::DebeziumAvro { envelopes })
            if envelopes.updates == Updates::CreateDelete =>
        {
            Err(vec!["op".to_owned()])
        }
        (Event::Truncate { .. }, Encoding::UpsertJson { .. }) => Err(vec!["op".to_owned()]),
        (Event::Truncate { .. }, Encoding::MaxwellJson) => Err(vec!["type".to_owned()]),
        _ => Ok(changelog::text(event)),
    }
}

fn by_change(change: &Change<'_>, encoding: Encoding) -> Result<String, Vec<String>> {
    let types = change.schema.as_deref();
    if matches!(encoding, Encoding::UpsertJson { .. }) && change.key.is_none() {
        return Err(vec!["key".to_owned()]);
    }
    if is_with_schema(encoding) && types.is_none() {
        return Err(vec!["schema".to_owned()]);
    }
    let mut refused = Vec::new();
    let mut rows = rows_by(change, encoding);
    for column in rows.iter_mut().flat_map(|row| &mut row.columns) {
        let field = types.and_then(|types| types.fields.iter().find(|field| field.name == column.name));
        match value_by(&column.value, field, encoding) {
            Some(value) => column.value = value,
            None => refused.push(column.name.to_string()),
        }
    }
    if !refused.is_empty() {
        return Err(refused);
    }
    let change = Change { table: change.table.clone(), key: None, schema: None, rows, origin: change.origin.clone() };
    Ok(changelog::text(&Event::Change(change)))
}

/// The rows that an encoding says, with their values as they are.
fn rows_by<'a>(change: &Change<'a>, encoding: Encoding) -> Vec<Row<'a>> {
    let of_kind = |row: &Row<'a>, kind| Row { kind, ..row.clone() };
    let mut rows: Vec<Row<'a>> = Vec::new();
    for row in &change.rows {
        match (encoding, row.kind) {
            (Encoding::DebeziumJson { envelopes, .. }, kind) if envelopes.updates == Updates::CreateDelete => {
                rows.push(of_kind(
                    row,
                    match kind {
                        RowKind::UpdateBefore => RowKind::Delete,
                        RowKind::UpdateAfter => RowKind::Insert,
                        kind => kind,
                    },
                ));
            }
            // an upsert does not say whether it is an insert, and nothing of the row before
            (Encoding::UpsertJson { .. }, RowKind::UpdateBefore) => {}
            (Encoding::UpsertJson { .. }, RowKind::Insert) => rows.push(of_kind(row, RowKind::UpdateAfter)),
            (Encoding::UpsertJson { .. }, RowKind::Delete) => {
                rows.push(Row { columns: key_of(change.key.as_ref(), row), ..row.clone() });
            }
            // an update without `old` is one that changed nothing
            (Encoding::MaxwellJson, RowKind::UpdateAfter)
                if rows.last().is_none_or(|last| last.kind != RowKind::UpdateBefore) =>
            {
                rows.extend([of_kind(row, RowKind::UpdateBefore), row.clone()]);
            }
            _ => rows.push(row.clone()),
        }
    }
    rows
}

fn key_of<'a>(key: Option<&Key<'a>>, row: &Row<'a>) -> Vec<Column<'a>> {
    let columns = key.map_or(&[][..], |key| &key.columns);
    let column = |column: &Column<'a>| {
        let value = row.get(&column.name).unwrap_or(&column.value).clone();
        Column { name: column.name.clone(), value }
    };
    columns.iter().map(column).collect()
}

/// What comes back of a value; `None` where it is refused.
fn value_by<'a>(value: &Value<'a>, field: Option<&Field>, encoding: Encoding) -> Option<Value<'a>> {
    match (encoding, field, value) {
        (_, _, Value::Null) => Some(Value::Null),
        (Encoding::CanalJson, Some(field), _) => by_canal(value, field),
        (Encoding::CanalJson, None, _) => by_canal_untyped(value),
        (Encoding::MaxwellJson, Some(field), _) => by_maxwell(value, field),
        // a number that a `float` cannot hold, which JSON can write
        (Encoding::DebeziumAvro { .. }, Some(Field { ty: ColumnType::Float32, .. }), Value::Number(text))
            if text.parse::<f32>().is_ok_and(f32::is_infinite) =>
        {
            None
        }
        (_, Some(field), _) => by_connect(value, field),
        (_, None, _) => Some(value.clone()),
    }
}

/// By the types of Connect.
fn by_connect<'a>(value: &Value<'a>, field: &Field) -> Option<Value<'a>> {
    use ColumnType as T;
    match (&field.ty, value) {
        // a map is written again, with the escapes that JSON needs
        (T::Map, Value::Json(text)) => Some(Value::Json(text.replace(r"\uD83D\uDE00", "😀").into())),
        // Canal sends a point as a geometry, Debezium has its coordinates too
        (T::Point, Value::Geometry(geometry)) if geometry.native().is_none() => {
            let (x, y) = (number_of(geometry.ewkb()?, 5)?, number_of(geometry.ewkb()?, 13)?);
            let of = |json: &str| Some(Value::Geometry(Box::new(Geometry::parse(json).ok()?)));
            of(&format!(r#"{{"x":{x:?},"y":{y:?}}}"#))
        }
        // a timestamp of the year 2262 in nanoseconds that would come back as infinite
        (T::Timestamp(TimeUnit::Nanos), Value::Text(text)) if text == "2262-04-11 23:47:16.8252" => None,
        // what MySQL calls a date and no calendar has
        (T::IsoDate | T::IsoTimestamp | T::ZonedTimestamp, Value::Text(text))
            if text.starts_with("0000") || text.get(4..10).is_some_and(|rest| rest.contains("-00")) =>
        {
            None
        }
        _ => Some(value.clone()),
    }
}

fn by_canal<'a>(value: &Value<'a>, field: &Field) -> Option<Value<'a>> {
    use ColumnType as T;
    let is_of_postgres = field.source.connector == Some(Connector::Postgres);
    let text = |text: &str| Some(Value::Text(Cow::Owned(text.to_owned())));
    match (&field.ty, value) {
        // MySQL has no decimal without a scale, no vectors and no maps: they are text
        (T::VariableScaleDecimal, Value::Number(number)) => text(number),
        (T::FloatVector | T::DoubleVector | T::Map, Value::Json(json)) => text(json),
        // nor a number that is none, nor dates outside of four digits, nor the infinite ones
        (T::Float32 | T::Float64, Value::Text(_)) => None,
        (T::Date | T::IsoDate | T::Structured(Structured::Date), Value::Text(date)) => {
            is_of_four_digits(date).then(|| value.clone())
        }
        (
            T::Timestamp(_)
            | T::IsoTimestamp
            | T::ZonedTimestamp
            | T::Structured(Structured::Timestamp | Structured::ZonedTimestamp),
            Value::Text(timestamp),
        ) => is_of_four_digits(timestamp).then(|| value.clone()),
        (T::Time(_), Value::Text(time)) => {
            let hours = time.trim_start_matches('-').split(':').next()?;
            (hours.len() <= 3).then(|| value.clone())
        }
        // Postgres's own shapes are their text, all others have their binary alone
        (T::Circle | T::Line, Value::Geometry(geometry)) => text(geometry.native()?),
        (T::Point | T::Geometry, Value::Geometry(geometry)) if is_of_postgres && geometry.native().is_some() => {
            text(geometry.native()?)
        }
        (T::Point | T::Geometry | T::Geography, Value::Geometry(geometry)) => {
            let wkb = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, geometry.ewkb()?);
            let geometry = Geometry::parse(&format!(r#"{{"wkb":"{wkb}"}}"#)).unwrap();
            Some(Value::Geometry(Box::new(geometry)))
        }
        _ => Some(value.clone()),
    }
}

/// Without types Canal's values are text.
fn by_canal_untyped<'a>(value: &Value<'a>) -> Option<Value<'a>> {
    Some(Value::Text(match value {
        Value::Bool(value) => value.to_string().into(),
        Value::Number(text) | Value::Text(text) | Value::Untyped(text) | Value::Embedded(text) | Value::Json(text) => {
            text.clone()
        }
        _ => return None,
    }))
}

fn by_maxwell<'a>(value: &Value<'a>, field: &Field) -> Option<Value<'a>> {
    use ColumnType as T;
    let is_of_postgres = field.source.connector == Some(Connector::Postgres);
    match (&field.ty, value) {
        // it stands in the message as JSON, where null is NULL and the space around it is nobody's
        (T::Json, Value::Text(json)) => {
            let json = json.trim_matches([' ', '\n', '\r', '\t']);
            (json != "null").then(|| Value::Text(json.to_owned().into()))
        }
        // MySQL's timestamps are in UTC and do not say so
        (T::ZonedTimestamp | T::Structured(Structured::ZonedTimestamp), Value::Text(text)) => {
            Some(Value::Text(text.replace("+00", "").into()))
        }
        // a number that does not say how many bits there are
        (T::Bits { .. }, Value::Text(digits)) if (1..=64).contains(&digits.len()) => {
            Some(Value::Number(u64::from_str_radix(digits, 2).unwrap().to_string().into()))
        }
        (_, Value::Geometry(geometry)) => match (geometry.native(), geometry.ewkb()) {
            (Some(native), _) if is_of_postgres => Some(Value::Text(native.to_owned().into())),
            (_, Some(ewkb)) => Some(Value::Text(well_known_text(ewkb)?.into())),
            (native, None) => Some(Value::Text(native?.to_owned().into())),
        },
        _ => Some(value.clone()),
    }
}

/// What a decoder has to be told to read the values of an encoding that does not say their types.
pub(crate) fn stated(schema: &RowSchema, encoding: Encoding) -> impl Iterator<Item = (String, ColumnType)> {
    schema.fields.iter().filter_map(move |field| {
        let ty = match (encoding, &field.ty) {
            (Encoding::MaxwellJson, ColumnType::Json | ColumnType::Bytes | ColumnType::EnumSet) => field.ty.clone(),
            (Encoding::CanalJson | Encoding::MaxwellJson, _) | (_, ColumnType::Unsupported(_)) => return None,
            _ if is_with_schema(encoding) => return None,
            // a TIME of MySQL's goes beyond a day
            (_, ColumnType::IsoTime) if field.source.connector == Some(Connector::MySql) => {
                ColumnType::Time(TimeUnit::Micros)
            }
            (_, ty) => ty.clone(),
        };
        Some((field.name.clone(), ty))
    })
}

fn is_of_four_digits(date: &str) -> bool {
    date.as_bytes().get(4) == Some(&b'-') && !date.ends_with(" BC")
}

/// A coordinate in little-endian EWKB.
fn number_of(ewkb: &[u8], at: usize) -> Option<f64> {
    Some(f64::from_le_bytes(ewkb.get(at..at + 8)?.try_into().unwrap()))
}

/// The text of a point or line string in little-endian EWKB; `None` with an SRID.
fn well_known_text(ewkb: &[u8]) -> Option<String> {
    let point = |at: usize| Some(format!("{} {}", number_of(ewkb, at)?, number_of(ewkb, at + 8)?));
    match ewkb.get(1..5)? {
        [1, 0, 0, 0] if ewkb.len() == 21 => Some(format!("POINT ({})", point(5)?)),
        [2, 0, 0, 0] => {
            let n_points = u32::from_le_bytes(ewkb.get(5..9)?.try_into().unwrap());
            let points = (9..ewkb.len()).step_by(16).map(point).collect::<Option<Vec<_>>>()?;
            (points.len() == usize::try_from(n_points).unwrap()).then(|| format!("LINESTRING ({})", points.join(", ")))
        }
        _ => None,
    }
}
