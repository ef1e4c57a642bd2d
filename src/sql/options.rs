//! `WITH ('key' = 'value', …)`: each option is taken by somebody, or is an error that names it.

use std::collections::BTreeMap;

use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::SqlError;
use crate::near;

/// The options of a table.
#[derive(Debug, Clone)]
pub(super) struct Options {
    table: String,
    /// Value and line, by key.
    left: BTreeMap<String, (String, u64)>,
    /// Where those stood that were taken.
    taken: BTreeMap<String, u64>,
    /// What was asked for.
    known: Vec<String>,
}

impl Options {
    pub(super) fn read(parser: &mut Parser<'_>, table: &str) -> Result<Self, SqlError> {
        parser.expect_token(&Token::LParen)?;
        let mut left = BTreeMap::new();
        loop {
            let token = parser.next_token();
            let place = token.span.start;
            let Token::SingleQuotedString(key) = token.token else {
                let text = format!(
                    "column {}: table `{table}`: expected an option such as 'connector' = 'kafka', found {}",
                    place.column, token.token
                );
                return Err(SqlError::at(place.line, text));
            };
            parser.expect_token(&Token::Eq)?;
            let value = parser.parse_literal_string()?;
            if left.insert(key.clone(), (value, place.line)).is_some() {
                return Err(SqlError::at(place.line, format!("table `{table}`: option '{key}' is there twice")));
            }
            let end = parser.next_token();
            let place = end.span.start;
            match end.token {
                Token::Comma => {}
                Token::RParen => {
                    return Ok(Self { table: table.to_owned(), left, taken: BTreeMap::new(), known: Vec::new() });
                }
                other => {
                    let text = format!(
                        "column {}: table `{table}`: expected `,` or `)` behind an option, found {other}",
                        place.column
                    );
                    return Err(SqlError::at(place.line, text));
                }
            }
        }
    }

    /// Takes an option.
    pub(super) fn take(&mut self, key: &str) -> Option<String> {
        self.known.push(key.to_owned());
        let (value, line) = self.left.remove(key)?;
        self.taken.insert(key.to_owned(), line);
        Some(value)
    }

    /// What an option says, which somebody else takes.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.left.get(key).map(|(value, _)| value.as_str())
    }

    /// Takes all that begin so, with what stands behind it.
    pub(super) fn take_all(&mut self, prefix: &str) -> Vec<(String, String)> {
        let keys: Vec<String> = self.left.keys().filter(|key| key.starts_with(prefix)).cloned().collect();
        keys.into_iter().filter_map(|key| Some((key[prefix.len()..].to_owned(), self.take(&key)?))).collect()
    }

    /// Takes one that has to be there.
    pub(super) fn need(&mut self, key: &str) -> Result<String, SqlError> {
        self.take(key).ok_or_else(|| self.missing(key))
    }

    /// An option is not there, or was misspelt.
    pub(super) fn missing(&self, key: &str) -> SqlError {
        let meant = self.left.iter().find(|(typed, _)| near::nearest(typed, [key]).is_some());
        match meant {
            Some((typed, (_, line))) => self.unknown(typed, *line),
            None => SqlError::new(format!("table `{}`: option '{key}' is missing", self.table)),
        }
    }

    fn unknown(&self, key: &str, line: u64) -> SqlError {
        let hint = near::hint(key, self.known.iter().map(String::as_str));
        SqlError::at(line, format!("table `{}`: option '{key}' is none that is known here{hint}", self.table))
    }

    /// Takes one of a few words.
    pub(super) fn choice(&mut self, key: &str, words: &[&str]) -> Result<Option<String>, SqlError> {
        let Some(word) = self.take(key) else { return Ok(None) };
        if words.contains(&word.as_str()) {
            return Ok(Some(word));
        }
        let hint = near::hint(&word, words.iter().copied());
        Err(self.invalid(key, &format!("one of {}{hint}", words.join(", "))))
    }

    /// Takes `true` or `false`.
    pub(super) fn flag(&mut self, key: &str) -> Result<Option<bool>, SqlError> {
        Ok(self.choice(key, &["true", "false"])?.map(|word| word == "true"))
    }

    /// Takes a time as Flink writes it, in milliseconds.
    pub(super) fn millis(&mut self, key: &str) -> Result<Option<u64>, SqlError> {
        let Some(text) = self.take(key) else { return Ok(None) };
        let expected = || self.invalid(key, "a time such as '500 ms', '2 s' or '1 min'");
        duration(&text).map(Some).ok_or_else(expected)
    }

    /// Takes a number.
    pub(super) fn number(&mut self, key: &str) -> Result<Option<u64>, SqlError> {
        let Some(text) = self.take(key) else { return Ok(None) };
        text.trim().parse().map(Some).map_err(|_| self.invalid(key, "a number"))
    }

    /// An option is none that can be used.
    pub(super) fn invalid(&self, key: &str, expected: &str) -> SqlError {
        let text = format!("table `{}`: option '{key}': expected {expected}", self.table);
        self.taken.get(key).map_or_else(|| SqlError::new(&text), |line| SqlError::at(*line, &text))
    }

    /// An error where an option names a key store that Java alone reads.
    pub(super) fn check_pem(&self, key: &str, path: &str) -> Result<(), SqlError> {
        let path = path.to_ascii_lowercase();
        if [".jks", ".p12", ".pfx", ".keystore", ".truststore"].iter().any(|end| path.ends_with(end)) {
            let expected =
                "a PEM file (keytool -exportcert -rfc, openssl pkcs12 -in …): a Java key store is read by Java alone";
            return Err(self.invalid(key, expected));
        }
        Ok(())
    }

    /// Nobody has taken these.
    pub(super) fn finish(self) -> Result<(), SqlError> {
        self.left.iter().next().map_or(Ok(()), |(key, (_, line))| Err(self.unknown(key, *line)))
    }
}

/// `500 ms`, `2s`, `1 min`, `1 h`, `1 d`; a bare number is milliseconds.
fn duration(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => 1,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000,
        "m" | "min" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations() {
        for (text, expected) in
            [("2s", Some(2_000)), ("500 ms", Some(500)), ("1 min", Some(60_000)), ("7", Some(7)), ("1 w", None)]
        {
            assert_eq!(duration(text), expected, "{text}");
        }
    }
}
