#![no_main]

use libfuzzer_sys::fuzz_target;
use rowkind_formats_fuzz::learn_and_decode;

fuzz_target!(|input: &[u8]| learn_and_decode(input));
