//! Writes inputs to start from into `corpus/`, of the recorded records: some of each file, alone and in a row.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use rowkind_formats::RecordedRecord;
use rowkind_formats_fuzz::{SCHEMAS, SEPARATOR, renumbered};

/// Records of a file that become an input of their own, and that become one together.
const N_ALONE: usize = 3;
const N_TOGETHER: usize = 4;

/// Longer inputs slow a fuzzer down.
const MAX_BYTES: usize = 20_000;

/// GoldenGate's messages, of which there is no recording: an input each, and one of all.
const OGG: [&str; 4] = [
    r#"{"table":"S.T","op_type":"I","op_ts":"2024-02-29 12:34:56.000001","pos":"00000000000000000001","primary_keys":["ID"],"after":{"ID":1,"A":"x"}}"#,
    r#"{"table":"S.T","op_type":"U","op_ts":"2024-02-29 12:34:57.000001","pos":"00000000000000000002","before":{"ID":1,"A":"x"},"after":{"ID":2}}"#,
    r#"{"table":"S.T","op_type":"D","pos":"00000000000000000003","primary_keys":["ID"],"before":{"ID":2,"A":null}}"#,
    r#"{"table":"S.T","op_type":"T"}"#,
];

fn main() -> Result<(), Box<dyn Error>> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fixtures = fuzz.join("../../fixtures");
    let mut n = 0;
    let mut write = |target: &str, input: &[u8]| -> Result<(), Box<dyn Error>> {
        let folder = fuzz.join("corpus").join(target);
        fs::create_dir_all(&folder)?;
        if input.len() <= MAX_BYTES {
            fs::write(folder.join(format!("seed-{n}")), input)?;
            n += 1;
        }
        Ok(())
    };
    for file in files(&fixtures)? {
        let folder = file.parent().and_then(|folder| folder.strip_prefix(&fixtures).ok()?.to_str()).unwrap_or_default();
        let target = folder.split('/').next().unwrap_or_default().replace('-', "_");
        let target = if target == "shop" { "debezium_json" } else { &target };
        let text = fs::read(&file)?;
        let lines: Vec<_> = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        let mut records = Vec::new();
        for line in lines.iter().take(N_TOGETHER) {
            let record = RecordedRecord::parse(line)?;
            let part = |bytes: Option<Vec<u8>>| framed(folder, bytes.unwrap_or_default());
            records.push([part(record.key), part(record.payload)]);
        }
        let inputs = records.iter().take(N_ALONE).map(|parts| parts.join(SEPARATOR));
        for input in inputs.chain([records.concat().join(SEPARATOR)]) {
            write(target, &input)?;
            write("auto", &input)?;
        }
        for line in lines.iter().take(N_ALONE) {
            write("recorded_record", line)?;
        }
        for datum in records.iter().take(N_ALONE).flatten() {
            let id = datum.get(1..5).and_then(|id| Some(u32::from_be_bytes(id.try_into().ok()?)));
            if let (Some(0), Some(schema)) = (datum.first(), id.and_then(|id| SCHEMAS.get(&id))) {
                write("avro_schema", &[schema.as_bytes(), &datum[5..]].join(SEPARATOR))?;
            }
        }
    }
    for payload in OGG.into_iter().chain([OGG.join("\u{0}").as_str()]) {
        let parts: Vec<_> = payload.split('\u{0}').flat_map(|payload| [b"", payload.as_bytes()]).collect();
        write("ogg_json", &parts.join(SEPARATOR))?;
    }
    println!("{n} inputs");
    Ok(())
}

/// A datum whose schema has the id that the targets know it by. JSON stays as it is.
fn framed(folder: &str, mut bytes: Vec<u8>) -> Vec<u8> {
    if let [0, id @ ..] = &mut *bytes
        && let Some(id) = id.first_chunk_mut()
    {
        *id = renumbered(folder, u32::from_be_bytes(*id)).to_be_bytes();
    }
    bytes
}

/// The files of records in a folder and those inside of it.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
