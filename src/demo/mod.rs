//! stub
#[derive(Debug)]
pub struct Options;
impl Options { pub fn read(_: &clap::ArgMatches) -> Self { Self } }
pub fn run(_: &Options) -> anyhow::Result<()> { Ok(()) }
