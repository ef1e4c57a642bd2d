//! Which rowkind this is.

/// The version of the package.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What `build.rs` found out.
const BUILT_FROM: &str = env!("ROWKIND_BUILT_FROM");

/// The commit that it was built from, as far as that was known then.
pub fn commit() -> Option<&'static str> {
    BUILT_FROM.split(' ').next().filter(|commit| !commit.is_empty())
}

/// The version, its commit and the commit's date, as cargo and rustc say it: `0.1.0 (f0c284951 2026-11-29)`.
pub fn long() -> String {
    if BUILT_FROM.is_empty() { VERSION.to_owned() } else { format!("{VERSION} ({BUILT_FROM})") }
}
