//! Jobs that are not taken, and what is said of them.

use super::run;

#[test]
fn errors_name_what_and_where() {
    let good = "CREATE TABLE i (id BIGINT, v STRING) WITH (\n  'connector' = 'kafka', 'topic' = 't',\n  'properties.bootstrap.servers' = 'localhost:1', 'format' = 'debezium-json'\n);
CREATE TABLE o (id BIGINT, v STRING, PRIMARY KEY (id) NOT ENFORCED) WITH (\n  'connector' = 'jdbc', 'url' = 'jdbc:postgresql://localhost/d', 'table-name' = 'o'\n);
INSERT INTO o SELECT id, v FROM i;";
    run(good, &["--explain"]).with_code(0);
    for (from, to, expected) in [
        ("'topic' = 't',", "'topic' = 't'", "line 3: column 3: table `i`: expected `,` or `)` behind an option"),
        ("'debezium-json'\n", "'debezium-json',\n", "line 4: column 1: table `i`: expected an option such as"),
        (
            "id BIGINT, v STRING)",
            "id BIGINT v STRING)",
            "line 1: column 27: table `i`: expected `,` or `)` behind a column",
        ),
        ("'topic'", "'topics'", "line 2: table `i`: option 'topics' is none that is known here; did you mean `topic`?"),
        ("'debezium-json'", "'debezium-jsn'", "did you mean `debezium-json`?"),
        ("'debezium-json'", "'json'", "rows without an envelope are read with 'connector' = 'upsert-kafka'"),
        ("'kafka'", "'datagen'", "line 2: table `i`: option 'connector': expected 'kafka' or 'upsert-kafka'"),
        ("'jdbc'", "'elasticsearch-7'", "line 6: table `o`: option 'connector': expected 'jdbc', 'kafka'"),
        ("jdbc:postgresql:", "jdbc:mysql:", "rows go into Postgres here, and not into mysql"),
        (", PRIMARY KEY (id) NOT ENFORCED", "", "updates and deletes need its PRIMARY KEY"),
        ("'format'", "'scan.startup.mode' = 'earliest', 'format'", "expected one of earliest-offset, latest-offset"),
        ("'format'", "'properties.ssl.truststore.location' = '/x.jks', 'format'", "expected a PEM file"),
        ("SELECT id, v", "SELECT id", "line 8: INSERT INTO `o`: 1 columns are selected, and 2 are written"),
        ("SELECT id, v", "SELECT id, w", "there is no column `w`"),
        ("SELECT id, v", "SELECT id, MAX(v)", "an aggregate, MAX"),
        ("FROM i", "FROM i JOIN i AS j ON i.id = j.id", "a join: rows are taken one by one here"),
        ("FROM i", "FROM i GROUP BY id", "GROUP BY: rows are taken one by one here"),
        ("FROM i", "FROM j", "there is no table `j`"),
        ("'format'", "'properties.group.id' = 'g', 'format'", "--"),
        (
            "INSERT INTO o SELECT id, v FROM i",
            "INSERT INTO o SELECT id, v FROM i; INSERT INTO o SELECT id, UPPER(v) FROM i",
            "line 8: two INSERTs write to `o`",
        ),
        ("FROM i", "FROM i UNION ALL SELECT id, v FROM i", "UNION and the like"),
        (
            "INSERT INTO o",
            "SET 'table.exec.source.cdc-event-duplicate' = 'true'; INSERT INTO o",
            "did you mean `table.exec.source.cdc-events-duplicate`?",
        ),
        ("INSERT INTO o", "INSERT OVERWRITE o", "there is nothing to OVERWRITE in a stream"),
        ("INSERT INTO o SELECT id, v FROM i;", "", "there is no INSERT INTO"),
        ("INSERT INTO o SELECT", "SELECT", "a query without an INSERT INTO"),
        ("INSERT INTO o", "CREATE VIEW w AS SELECT 1; INSERT INTO o", "CREATE VIEW means nothing here"),
        ("v STRING)", "w AS id + 1, v STRING)", "table `i`: column `w` is computed"),
        ("v STRING)", "v GEOMETRY)", "a type of Flink SQL"),
        ("v STRING, PRIMARY", "v DATE, PRIMARY", "column `v` is DATE, and what is selected for it is STRING: CAST it"),
        ("FROM i", "FROM i /*+ OPTIONS('topic' = 'u') */", "line 8: a hint"),
    ] {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "{from}");
        let ended = run(&text, &["--explain"]);
        if expected == "--" {
            // nothing is wrong with it
            ended.with_code(0);
        } else {
            ended.with_code(2).says(expected);
        }
    }
}
