//! Packs the records that `rowkind demo` plays, and tells the commit.

#[path = "build/commit.rs"]
mod commit;

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::{env, io};

use flate2::Compression;
use flate2::write::GzEncoder;

const SHOP: &str = "fixtures/shop/shop.jsonl";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/commit.rs");
    println!("cargo::rerun-if-changed={SHOP}");
    commit::tell();
    let packed = File::create(Path::new(&env::var("OUT_DIR")?).join("shop.jsonl.gz"))?;
    let mut encoder = GzEncoder::new(packed, Compression::best());
    io::copy(&mut File::open(SHOP)?, &mut encoder)?;
    encoder.finish()?;
    Ok(())
}
