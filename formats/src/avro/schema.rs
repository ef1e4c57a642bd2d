//! A writer's schema: what stands where in a datum, and the columns that it means.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::connect;
use crate::error::{Error, ErrorKind};

/// A schema, its types in one list; they refer to each other by their place in it, so that a type may hold itself.
#[derive(Debug)]
pub(crate) struct Schema {
    types: Vec<Type>,
    root: TypeId,
    /// What a record's text has in the place of this schema's: the same columns, in Connect's words.
    connect: connect::Node,
}

/// A place in the list of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TypeId(usize);

/// How a datum is written.
#[derive(Debug)]
pub(crate) enum Type {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    /// Number of bytes.
    Fixed(usize),
    /// Symbols.
    Enum(Vec<String>),
    Array(TypeId),
    Map(TypeId),
    Union(Vec<TypeId>),
    Record(Vec<Field>),
    /// An array of records `{key, value}`: how Connect writes a map whose keys are no strings.
    Entries(TypeId),
}

/// A field of a record.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) ty: TypeId,
}

/// Schemas that a schema names and does not hold: their texts, each behind those that it names itself.
pub(crate) type References<'s> = &'s [String];

/// Deeper than any row's: stops a schema that was made to overflow the stack.
const MAX_DEPTH: usize = 64;

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    ///
    /// When the text is no Avro schema, or names a type that neither it nor its references hold.
    pub(crate) fn parse(text: &str, references: References<'_>) -> Result<Self, Error> {
        let mut reader = Reader::default();
        let mut last = None;
        for text in references.iter().map(String::as_str).chain([text]) {
            // a lone name is a schema too, but no JSON
            let json = serde_json::from_str(text).map_err(|_| malformed())?;
            last = Some(reader.read(&json, None, 0)?);
        }
        let (root, connect) = last.ok_or_else(malformed)?;
        Ok(Self { types: reader.types, root, connect })
    }

    pub(crate) fn root(&self) -> TypeId {
        self.root
    }

    /// The fields of the record that a datum is, or can be beside null; none where it is something else.
    pub(crate) fn fields(&self) -> &[Field] {
        let fields = |id| match self.get(id) {
            Some(Type::Record(fields)) => Some(fields.as_slice()),
            _ => None,
        };
        match self.get(self.root) {
            Some(Type::Union(branches)) => branches.iter().find_map(|branch| fields(*branch)).unwrap_or_default(),
            _ => fields(self.root).unwrap_or_default(),
        }
    }

    /// Whether it is a record with all of these fields.
    pub(crate) fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.fields().iter().any(|field| field.name == *name))
    }

    /// The schema in Connect's words.
    pub(crate) fn connect(&self) -> &connect::Node {
        &self.connect
    }

    /// Every place was made by the reader, so that there is always a type.
    pub(crate) fn get(&self, id: TypeId) -> Option<&Type> {
        self.types.get(id.0)
    }
}

/// More than any table's columns: stops a schema whose few types hold each other again and again.
const MAX_NODES: usize = 100_000;

#[derive(Default)]
struct Reader {
    types: Vec<Type>,
    /// Named types by their full names.
    named: HashMap<String, Named>,
    /// Nodes of Connect's that were made so far.
    n_nodes: usize,
}

struct Named {
    id: TypeId,
    /// `None` while the type is being read.
    node: Option<Arc<connect::Node>>,
    n_nodes: usize,
}

impl Reader {
    fn add(&mut self, ty: Type) -> TypeId {
        self.types.push(ty);
        self.n_nodes += 1;
        TypeId(self.types.len() - 1)
    }

    /// A named type is known from here on. `n_before` is the number of nodes before it was read.
    fn name(&mut self, name: String, id: TypeId, node: &connect::Node, n_before: usize) {
        let n_nodes = self.n_nodes - n_before;
        self.named.insert(name, Named { id, node: Some(Arc::new(node.clone())), n_nodes });
    }

    fn read(&mut self, json: &Value, space: Option<&str>, depth: usize) -> Result<(TypeId, connect::Node), Error> {
        if depth > MAX_DEPTH {
            return Err(Error::new("schema", ErrorKind::TooDeep { limit: MAX_DEPTH }));
        }
        match json {
            Value::String(name) => self.read_name(name, space),
            Value::Array(branches) => self.read_union(branches, space, depth),
            Value::Object(object) => self.read_object(object, space, depth),
            _ => Err(malformed()),
        }
    }

    fn read_name(&mut self, name: &str, space: Option<&str>) -> Result<(TypeId, connect::Node), Error> {
        let (ty, connect) = match name {
            "null" => (Type::Null, "null"),
            "boolean" => (Type::Boolean, "boolean"),
            "int" => (Type::Int, "int32"),
            "long" => (Type::Long, "int64"),
            "float" => (Type::Float, "float"),
            "double" => (Type::Double, "double"),
            "bytes" => (Type::Bytes, "bytes"),
            "string" => (Type::String, "string"),
            name => {
                let known = self.named.get(&full_name(name, space)).or_else(|| self.named.get(name));
                let Named { id, node, n_nodes } = known.ok_or_else(malformed)?;
                self.n_nodes += n_nodes;
                if self.n_nodes > MAX_NODES {
                    return Err(malformed());
                }
                // without a node it is inside of itself
                let node =
                    node.as_ref().map_or_else(|| connect::Node::of("recursive"), |node| connect::Node::clone(node));
                return Ok((*id, node));
            }
        };
        Ok((self.add(ty), connect::Node::of(connect)))
    }

    /// Connect writes what is optional as a union with null, in either order.
    fn read_union(
        &mut self,
        branches: &[Value],
        space: Option<&str>,
        depth: usize,
    ) -> Result<(TypeId, connect::Node), Error> {
        let mut ids = Vec::with_capacity(branches.len());
        let mut others = Vec::new();
        for branch in branches {
            let (id, node) = self.read(branch, space, depth + 1)?;
            ids.push(id);
            if node.ty != "null" {
                others.push(node);
            }
        }
        let mut others = others.into_iter();
        let node = match (others.next(), others.next()) {
            (Some(only), None) => only,
            (None, _) => connect::Node::of("null"),
            (Some(_), Some(_)) => connect::Node::of("union"),
        };
        Ok((self.add(Type::Union(ids)), node))
    }

    fn read_object(
        &mut self,
        object: &Map<String, Value>,
        space: Option<&str>,
        depth: usize,
    ) -> Result<(TypeId, connect::Node), Error> {
        let (id, mut node) = match object.get("type") {
            Some(Value::String(ty)) => match ty.as_str() {
                "record" | "error" => return self.read_record(object, space, depth),
                "enum" => return self.read_enum(object, space),
                "fixed" => return self.read_fixed(object, space),
                "array" => self.read_array(object, space, depth)?,
                "map" => {
                    let (values, _) = self.read(object.get("values").ok_or_else(malformed)?, space, depth + 1)?;
                    (self.add(Type::Map(values)), connect::Node::of("map"))
                }
                name => self.read_name(name, space)?,
            },
            Some(inner @ (Value::Object(_) | Value::Array(_))) => self.read(inner, space, depth + 1)?,
            _ => return Err(malformed()),
        };
        annotate(&mut node, object);
        Ok((id, node))
    }

    fn read_record(
        &mut self,
        object: &Map<String, Value>,
        space: Option<&str>,
        depth: usize,
    ) -> Result<(TypeId, connect::Node), Error> {
        let (name, space) = declared(object, space)?;
        let n_before = self.n_nodes;
        let id = self.add(Type::Record(Vec::new()));
        self.named.insert(name.clone(), Named { id, node: None, n_nodes: 1 });
        let mut fields = Vec::new();
        let mut nodes = Vec::new();
        for field in object.get("fields").and_then(Value::as_array).ok_or_else(malformed)? {
            let name = field.get("name").and_then(Value::as_str).ok_or_else(malformed)?;
            let (ty, mut node) = self.read(field.get("type").ok_or_else(malformed)?, space.as_deref(), depth + 1)?;
            node.field = Some(name.to_owned());
            fields.push(Field { name: name.to_owned(), ty });
            nodes.push(node);
        }
        if let Some(ty) = self.types.get_mut(id.0) {
            *ty = Type::Record(fields);
        }
        let mut node = connect::Node { fields: Some(nodes), ..connect::Node::of("struct") };
        annotate(&mut node, object);
        // where no converter says the struct's name, its own is the same
        node.name.get_or_insert_with(|| name.clone());
        self.name(name, id, &node, n_before);
        Ok((id, node))
    }

    fn read_enum(
        &mut self,
        object: &Map<String, Value>,
        space: Option<&str>,
    ) -> Result<(TypeId, connect::Node), Error> {
        let (name, _) = declared(object, space)?;
        let symbols = object.get("symbols").and_then(Value::as_array).ok_or_else(malformed)?;
        let symbols = symbols.iter().map(|symbol| symbol.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
        let id = self.add(Type::Enum(symbols.ok_or_else(malformed)?));
        let mut node = connect::Node::of("string");
        annotate(&mut node, object);
        self.name(name, id, &node, self.n_nodes - 1);
        Ok((id, node))
    }

    fn read_fixed(
        &mut self,
        object: &Map<String, Value>,
        space: Option<&str>,
    ) -> Result<(TypeId, connect::Node), Error> {
        let (name, _) = declared(object, space)?;
        let size = object.get("size").and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
        let id = self.add(Type::Fixed(size.ok_or_else(malformed)?));
        let mut node = connect::Node::of("bytes");
        annotate(&mut node, object);
        self.name(name, id, &node, self.n_nodes - 1);
        Ok((id, node))
    }

    fn read_array(
        &mut self,
        object: &Map<String, Value>,
        space: Option<&str>,
        depth: usize,
    ) -> Result<(TypeId, connect::Node), Error> {
        let items = object.get("items").ok_or_else(malformed)?;
        let (id, node) = self.read(items, space, depth + 1)?;
        let is_entry = node.fields.as_ref().is_some_and(|fields| {
            let names = fields.iter().filter_map(|field| field.field.as_deref());
            names.eq(["key", "value"])
        });
        let says_so = items.get("connect.internal.type").and_then(Value::as_str) == Some("MapEntry");
        if is_entry && (says_so || node.name.as_deref().is_some_and(|name| name.ends_with(".MapEntry"))) {
            return Ok((self.add(Type::Entries(id)), connect::Node::of("map")));
        }
        let array = connect::Node { items: Some(Box::new(node)), ..connect::Node::of("array") };
        Ok((self.add(Type::Array(id)), array))
    }
}

/// What the converter says of a type beside how it is written.
fn annotate(node: &mut connect::Node, object: &Map<String, Value>) {
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    if let Some(ty @ ("int8" | "int16")) = text("connect.type") {
        ty.clone_into(&mut node.ty);
    }
    if let Some(name) = text("connect.name") {
        node.name = Some(name.to_owned());
    }
    if let Some(Value::Object(parameters)) = object.get("connect.parameters") {
        let parameters = parameters.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        node.parameters.get_or_insert_default().extend(parameters);
    }
    if node.name.is_none()
        && let Some(logical) = text("logicalType")
    {
        let number = |name: &str| object.get(name).and_then(Value::as_u64).unwrap_or(0).to_string();
        let (name, parameters) = match logical {
            "decimal" => (
                "org.apache.kafka.connect.data.Decimal",
                vec![("scale", number("scale")), ("connect.decimal.precision", number("precision"))],
            ),
            "date" => ("org.apache.kafka.connect.data.Date", Vec::new()),
            "time-millis" => ("org.apache.kafka.connect.data.Time", Vec::new()),
            "time-micros" => ("io.debezium.time.MicroTime", Vec::new()),
            "timestamp-millis" | "local-timestamp-millis" => ("org.apache.kafka.connect.data.Timestamp", Vec::new()),
            "timestamp-micros" | "local-timestamp-micros" => ("io.debezium.time.MicroTimestamp", Vec::new()),
            "timestamp-nanos" | "local-timestamp-nanos" => ("io.debezium.time.NanoTimestamp", Vec::new()),
            "uuid" if node.ty == "string" => ("io.debezium.data.Uuid", Vec::new()),
            _ => return,
        };
        node.name = Some(name.to_owned());
        let parameters: BTreeMap<_, _> = parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        node.parameters.get_or_insert_default().extend(parameters);
    }
}

/// The full name of a type that is declared here, and the namespace of the names inside of it.
fn declared(object: &Map<String, Value>, space: Option<&str>) -> Result<(String, Option<String>), Error> {
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let name = text("name").ok_or_else(malformed)?;
    let full = full_name(name, text("namespace").or(space));
    let space = full.rsplit_once('.').map(|(space, _)| space.to_owned());
    Ok((full, space))
}

fn full_name(name: &str, space: Option<&str>) -> String {
    match space {
        Some(space) if !space.is_empty() && !name.contains('.') => format!("{space}.{name}"),
        _ => name.to_owned(),
    }
}

fn malformed() -> Error {
    Error::new("schema", ErrorKind::Malformed { expected: "an Avro schema", found: "text" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_schema_is_refused() {
        let deep = format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(100), "}".repeat(100));
        for text in [
            "",
            "{",
            "3",
            "[3]",
            r#""nowhere""#,
            r#"{"type":"record","name":"r"}"#,
            r#"{"type":"fixed","name":"f","size":-1}"#,
            &deep,
        ] {
            assert!(Schema::parse(text, &[]).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_found_in_their_namespace_and_in_references() {
        let address =
            r#"{"type":"record","name":"Address","namespace":"shop","fields":[{"name":"city","type":"string"}]}"#;
        let order = r#"{"type":"record","name":"Order","namespace":"shop","fields":[
            {"name":"bill","type":"shop.Address"},{"name":"ship","type":["Address","null"]},{"name":"next","type":["null","Order"]}]}"#;
        assert!(Schema::parse(order, &[]).is_err(), "nobody says what an Address is");
        let schema = Schema::parse(order, &[address.to_owned()]).expect("its reference is there");
        let names: Vec<_> = schema.fields().iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["bill", "ship", "next"]);
    }
}
