//! Tables with `'connector' = 'jdbc'`: <https://nightlies.apache.org/flink/flink-docs-stable/docs/connectors/table/jdbc/>.

use std::fmt::Write as _;

use super::SqlError;
use super::document::{Document, Toml};
use super::kafka::buffer;
use super::options::Options;

/// What a sink says.
pub(super) fn sink(options: &mut Options, document: &mut Document) -> Result<(), SqlError> {
    let url = options.need("url")?;
    let (user, password) = (options.take("username"), options.take("password"));
    let url = postgres_url(&url, (user, password)).map_err(|expected| options.invalid("url", &expected))?;
    document.set("sink.url", url);
    // neither is made by Flink
    document.set("sink.create", Toml::Flag(false));
    document.set("sink.evolve", "off");
    // as Postgres does it for Flink
    document.set("sink.excess_digits", "round");
    let table = options.need("table-name")?;
    document
        .set("sink.table", table_name(&table).ok_or_else(|| options.invalid("table-name", "TABLE or SCHEMA.TABLE"))?);
    if let Some(driver) = options.take("driver").filter(|driver| driver != "org.postgresql.Driver") {
        return Err(options.invalid("driver", &format!("org.postgresql.Driver, and not {driver}")));
    }
    buffer(options, document)?;
    if options.number("sink.max-retries")?.is_some() || options.millis("connection.max-retry-timeout")?.is_some() {
        document.note("what Postgres may take later is tried until it does; what it refuses is known by its record");
    }
    if let Some(n) = options.number("sink.parallelism")? {
        document.set("sink.lanes", Toml::Number(n));
    }
    Ok(())
}

/// A column's or table's name as Postgres folds it: Flink does not quote them.
pub(super) fn folded(name: &str) -> String {
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => name.to_ascii_lowercase(),
    }
}

/// `orders`, `shop.orders`, `"Shop"."Orders"`, without what a template would read.
fn table_name(text: &str) -> Option<String> {
    let mut parts = vec![String::new()];
    let mut is_quoted = false;
    for c in text.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            '.' if !is_quoted => parts.push(String::new()),
            '{' | '}' => return None,
            _ => {}
        }
        if c != '.' || is_quoted {
            parts.last_mut()?.push(c);
        }
    }
    let parts: Vec<String> = parts.iter().map(|part| folded(part)).collect();
    // a point inside of a name would be one between two
    let is_usable = !is_quoted && parts.len() <= 2 && parts.iter().all(|part| !part.is_empty() && !part.contains('.'));
    is_usable.then(|| parts.join("."))
}

/// `jdbc:postgresql://host:port/database?name=value` as the same without Java.
fn postgres_url(jdbc: &str, (user, password): (Option<String>, Option<String>)) -> Result<String, String> {
    let expected = "jdbc:postgresql://host:port/database";
    let Some(rest) = jdbc.strip_prefix("jdbc:postgresql:") else {
        let other = jdbc.strip_prefix("jdbc:").and_then(|rest| rest.split(':').next()).unwrap_or("none");
        return Err(format!("{expected}: rows go into Postgres here, and not into {other}"));
    };
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (host, database) = match place.strip_prefix("//") {
        Some(place) => place.split_once('/').ok_or(expected)?,
        None => ("localhost", place),
    };
    if host.contains(',') {
        return Err("one host: a name or a proxy that leads to the server that can be written to".to_owned());
    }
    let (mut user, mut password, mut parameters) = (user, password, Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "user" => user = user.or_else(|| Some(decoded(value))),
            "password" => password = password.or_else(|| Some(decoded(value))),
            "currentSchema" => parameters.push(format!("options[search_path]={value}")),
            "sslmode" => parameters.push(format!("sslmode={value}")),
            "ssl" if value != "false" => parameters.push("sslmode=verify-full".to_owned()),
            "sslrootcert" | "sslcert" | "sslkey" => parameters.push(format!("{name}={value}")),
            "options" => {
                for setting in decoded(value).split("-c ").map(str::trim).filter(|setting| !setting.is_empty()) {
                    let (name, value) = setting.split_once('=').ok_or("options=-c name=value")?;
                    parameters.push(format!("options[{}]={}", name.trim(), encoded(value.trim())));
                }
            }
            // how Java's driver works
            "ssl"
            | "reWriteBatchedInserts"
            | "stringtype"
            | "ApplicationName"
            | "tcpKeepAlive"
            | "connectTimeout"
            | "socketTimeout"
            | "loginTimeout"
            | "prepareThreshold"
            | "preferQueryMode"
            | "defaultRowFetchSize"
            | "binaryTransfer"
            | "charSet"
            | "characterEncoding"
            | "useUnicode"
            | "autosave"
            | "targetServerType"
            | "loggerLevel" => {}
            other => return Err(format!("{expected}, and no parameter `{other}`")),
        }
    }
    let login = match (user, password) {
        (None, _) => String::new(),
        (Some(user), None) => format!("{}@", encoded(&user)),
        (Some(user), Some(password)) => format!("{}:{}@", encoded(&user), encoded(&password)),
    };
    let query = if parameters.is_empty() { String::new() } else { format!("?{}", parameters.join("&")) };
    Ok(format!("postgres://{login}{host}/{database}{query}"))
}

/// As a part of a URL.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut hex = rest.clone();
        let code = (byte == b'%').then(|| hex.next().zip(hex.next())).flatten();
        let code = code.and_then(|(a, b)| u8::from_str_radix(std::str::from_utf8(&[a, b]).ok()?, 16).ok());
        match code {
            Some(code) => {
                bytes.push(code);
                rest = hex;
            }
            None => bytes.push(if byte == b'+' { b' ' } else { byte }),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{postgres_url, table_name};

    #[test]
    fn urls() {
        let url = |jdbc: &str| postgres_url(jdbc, (Some("app".to_owned()), Some("s/e:c".to_owned())));
        assert_eq!(
            url("jdbc:postgresql://localhost:5432/shop?currentSchema=public&reWriteBatchedInserts=true").as_deref(),
            Ok("postgres://app:s%2Fe%3Ac@localhost:5432/shop?options[search_path]=public")
        );
        assert_eq!(
            url("jdbc:postgresql://db/shop?sslmode=require").as_deref(),
            Ok("postgres://app:s%2Fe%3Ac@db/shop?sslmode=require")
        );
        assert_eq!(
            url("jdbc:postgresql://db/shop?options=-c%20statement_timeout=90000").as_deref(),
            Ok("postgres://app:s%2Fe%3Ac@db/shop?options[statement_timeout]=90000")
        );
        assert_eq!(
            postgres_url("jdbc:postgresql:shop?user=me&password=a%26b", (None, None)).as_deref(),
            Ok("postgres://me:a%26b@localhost/shop")
        );
        assert!(url("jdbc:mysql://localhost/shop").unwrap_err().contains("not into mysql"));
        assert!(url("jdbc:postgresql://a,b/shop").is_err());
        assert!(url("jdbc:postgresql://a/shop?unknown=1").unwrap_err().contains("`unknown`"));
    }

    #[test]
    fn names_are_folded_as_postgres_does_it() {
        for (text, expected) in [
            ("orders", Some("orders")),
            ("Shop.Orders", Some("shop.orders")),
            ("\"Shop\".\"Orders\"", Some("Shop.Orders")),
            ("a.b.c", None),
            ("\"a.b\"", None),
            ("{table}", None),
            ("", None),
        ] {
            assert_eq!(table_name(text).as_deref(), expected, "{text}");
        }
    }
}
