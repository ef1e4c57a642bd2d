//! The recording that the demo plays: a small shop, captured by Debezium. `fixtures/README.md` says how.

use std::io::{BufRead, BufReader};

use flate2::read::GzDecoder;
use rowkind_formats::RecordedRecord;

/// A table of the shop.
#[derive(Debug)]
pub(super) struct ShopTable {
    /// Without its schema, which is `public`.
    pub(super) name: &'static str,
    /// Its topic, of one partition.
    pub(super) topic: &'static str,
    /// What it held in the end, as `COPY … (FORMAT csv, HEADER, NULL '\N')` writes it.
    pub(super) truth: &'static str,
}

/// In the order of their foreign keys.
pub(super) const TABLES: [ShopTable; 4] = [
    ShopTable {
        name: "customers",
        topic: "shop.public.customers",
        truth: include_str!("../../fixtures/shop/truth/public.customers.csv"),
    },
    ShopTable {
        name: "products",
        topic: "shop.public.products",
        truth: include_str!("../../fixtures/shop/truth/public.products.csv"),
    },
    ShopTable {
        name: "orders",
        topic: "shop.public.orders",
        truth: include_str!("../../fixtures/shop/truth/public.orders.csv"),
    },
    ShopTable {
        name: "order_items",
        topic: "shop.public.order_items",
        truth: include_str!("../../fixtures/shop/truth/public.order_items.csv"),
    },
];

/// The records of all topics, in the order of their time.
pub(super) fn records() -> anyhow::Result<Vec<RecordedRecord>> {
    // build.rs packs it
    let packed: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/shop.jsonl.gz"));
    BufReader::new(GzDecoder::new(packed)).lines().map(|line| Ok(RecordedRecord::parse(line?.as_bytes())?)).collect()
}
