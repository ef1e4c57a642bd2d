//! Whatever stands in a job: it is understood, or refused in words.

use proptest::prelude::*;

use super::job::pipelines;
use super::script::Script;

const JOB: &str = "CREATE TABLE i (id BIGINT, amount DECIMAL(12, 2), at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'kafka', 'topic' = 't', 'properties.bootstrap.servers' = 'b:1',
  'properties.sasl.jaas.config' = 'x username=\"u\" password=\"p\"', 'format' = 'debezium-json'); -- a comment
CREATE TABLE o (id BIGINT, x STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'jdbc',
  'url' = 'jdbc:postgresql://h:1/d?currentSchema=s&options=-c%20a=b', 'table-name' = 's.o', 'sink.buffer-flush.interval' = '1 s');
SET 'pipeline.name' = 'p';
EXECUTE STATEMENT SET BEGIN
  INSERT INTO o SELECT id, CASE WHEN amount > 1.5 THEN DATE_FORMAT(at, 'yyyy') ELSE LPAD('a', 3, 'b') END FROM i WHERE id IN (1, 2) AND NOT (amount IS NULL);
END;";

/// A job of which bytes are replaced, taken out, put in and repeated.
fn jobs() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "'",
        "`",
        "(",
        ")",
        ",",
        ";",
        "--",
        "CAST(",
        "NULL",
        "1e999999999",
        "-",
        "\u{0}",
        "é",
        "NOT ",
        "AS DECIMAL(38, 38))",
    ]);
    let edit = (any::<prop::sample::Index>(), 0..4_u8, word);
    prop::collection::vec(edit, 1..8).prop_map(|edits| {
        let mut text = JOB.to_owned();
        for (at, what, word) in edits {
            let at = at.index(text.len());
            let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).expect("0 is one");
            match what {
                0 if at < text.len() && text.is_char_boundary(at + 1) => text.replace_range(at..=at, word),
                1 => {
                    text.truncate(at);
                    text.push(' ');
                }
                2 => text.insert_str(at, &word.repeat(300)),
                _ => text.insert_str(at, word),
            }
        }
        text
    })
}

#[test]
fn the_job_that_is_changed_is_one() {
    assert_eq!(pipelines(&Script::read(JOB).expect("a job")).expect("pipelines").len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn any_job_is_understood_or_refused_in_words(text in jobs()) {
        match Script::read(&text).and_then(|script| pipelines(&script)) {
            Ok(pipelines) => prop_assert!(!pipelines.is_empty()),
            Err(error) => prop_assert!(!error.text.is_empty()),
        }
    }
}
