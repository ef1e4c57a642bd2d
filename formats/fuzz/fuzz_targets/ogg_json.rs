#![no_main]

use libfuzzer_sys::fuzz_target;
use rowkind_formats::Format;
use rowkind_formats_fuzz::decode;

fuzz_target!(|input: &[u8]| decode(Format::OggJson, input));
