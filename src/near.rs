//! The word that was meant by one that is none.

/// How alike two words have to be, of 0 to 1.
const ALIKE: f64 = 0.8;

/// The word that is most like what was typed, if one is like it.
pub(crate) fn nearest<'w>(typed: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let alike = words.into_iter().map(|word| (likeness(typed, word), word));
    alike.filter(|(likeness, _)| *likeness > ALIKE).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, word)| word)
}

/// ``; did you mean `word`?``, or nothing.
pub(crate) fn hint<'w>(typed: &str, words: impl IntoIterator<Item = &'w str>) -> String {
    nearest(typed, words).map_or(String::new(), |word| format!("; did you mean `{word}`?"))
}

/// Jaro and Winkler's, which finds nothing alike in short words with two letters swapped.
fn likeness(typed: &str, word: &str) -> f64 {
    let is_slip = typed.len() > 2 && strsim::osa_distance(typed, word) == 1;
    strsim::jaro_winkler(typed, word).max(if is_slip { 0.9 } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn what_was_meant() {
        let words = ["run", "check", "debezium-json", "debezium-avro", "off", "add"];
        for (typed, meant) in [
            ("rnu", Some("run")),
            ("runn", Some("run")),
            ("chekc", Some("check")),
            ("debezium_json", Some("debezium-json")),
            ("debezium-avor", Some("debezium-avro")),
            ("of", Some("off")),
            ("", None),
            ("x", None),
            ("widen", None),
        ] {
            assert_eq!(nearest(typed, words), meant, "{typed}");
        }
    }
}
