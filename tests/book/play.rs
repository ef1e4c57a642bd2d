//! A page is played from its first block to its last, as a reader types them into one terminal.

use std::time::{Duration, Instant};

use crate::expected::is_as_shown;
use crate::neighbours::Neighbours;
use crate::page::{self, Block, Command, What};
use crate::terminal::{Terminal, interrupt};

/// Commands that change nothing. What they show may be on its way: they are typed again until it has come.
const LOOKS: [&str; 6] = ["select ", "curl -s ", "kcat -C ", "rowkind status ", "rowkind rejects list ", "tail "];

/// How long what is shown may be on its way.
const ON_ITS_WAY: Duration = Duration::from_secs(30);

/// How long somebody looks at what does not change any more, before Ctrl-C.
const A_LOOK: Duration = Duration::from_secs(2);

/// Plays a page.
pub(crate) fn play(page: &str, blocks: &[Block]) {
    let neighbours = Neighbours::start();
    let mut reader = Reader { terminal: Terminal::open(neighbours.environment()), neighbours };
    for (index, block) in blocks.iter().enumerate() {
        let at = format!("{page}, line {}", block.line);
        match &block.what {
            What::Sh(commands) => reader.sh(&at, commands),
            What::Console(commands) => {
                for (n, command) in commands.iter().enumerate() {
                    let next = commands.get(n + 1).map(|next| next.text.as_str());
                    reader.type_in(&at, command, next == Some("echo $?\n"));
                }
            }
            What::File { name, text } => {
                let text = reader.neighbours.here(text);
                reader.terminal.write(name, &text);
            }
            What::Topic(name) => reader.neighbours.make_topic(name),
            What::Records(path) => reader.neighbours.record(path),
            What::NoRun(_) | What::Other { .. } => {}
        }
        let misread = reader.neighbours.misread();
        assert!(misread.is_empty(), "{at} (block {index}): Kafka Connect reads no JSON in {misread:?}");
    }
}

struct Reader {
    // is closed first
    terminal: Terminal,
    neighbours: Neighbours,
}

impl Reader {
    /// Commands without a look at what they print.
    fn sh(&mut self, at: &str, commands: &str) {
        let here = self.neighbours.here(commands);
        let (code, printed) = self.terminal.run(&format!("set -eo pipefail\n{here}\nset +eo pipefail\n"));
        assert_eq!(code, 0, "{at}: these commands fail:\n{commands}\nThey print:\n{printed}");
    }

    /// A command, and what it prints. Its exit code is 0, unless the page asks for it next.
    fn type_in(&mut self, at: &str, command: &Command, is_asked_for: bool) {
        let here = self.neighbours.here(&command.text);
        let began = Instant::now();
        loop {
            let (code, printed) = match &command.interrupted_at {
                Some(shown) => self.until_interrupted(&here, shown),
                None => self.terminal.run(&here),
            };
            let printed = self.neighbours.documented(&printed);
            let is_right =
                (code == 0 || is_asked_for) && is_as_shown(&printed, &self.neighbours.shown(&command.output));
            if is_right {
                return;
            }
            let may_come = LOOKS.iter().any(|look| command.text.contains(look)) && began.elapsed() < ON_ITS_WAY;
            assert!(
                may_come,
                "{at}: exit code {code}\n$ {}prints:\n{printed}\nThe page shows:\n{}",
                command.text, command.output
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// A command that runs on, up to Ctrl-C when it has printed what is shown.
    fn until_interrupted(&mut self, command: &str, shown: &str) -> (i32, String) {
        let running = self.terminal.begin(&format!("{} & echo $! > ../steps/pid; wait $!\n", command.trim_end()));
        let (began, mut last, mut since) = (Instant::now(), String::new(), Instant::now());
        while began.elapsed() < ON_ITS_WAY {
            let output = running.output();
            let is_complete = is_as_shown(&self.neighbours.documented(&output), &self.neighbours.shown(shown));
            if is_complete && output == last && since.elapsed() > A_LOOK {
                break;
            }
            if output != last {
                (last, since) = (output, Instant::now());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        interrupt(&self.terminal.read("../steps/pid"));
        self.terminal.end(&running)
    }
}

#[test]
fn a_page_that_is_wrong_is_found() {
    for wrong in [
        "```sh\nrowkind inspect --no-such-flag\n```\n",
        "```sh\nfalse | true\n```\n",
        "```console\n$ rowkind --version\nsomething else\n```\n",
        "```console\n$ false\n```\n",
        "```console\n$ false\n$ echo $?\n0\n```\n",
        "```sh\ncurl -s -X PUT http://localhost:8083/connectors/shop/config -d '{\"a\": }'\n```\n",
    ] {
        let played = std::panic::catch_unwind(|| play("a page", &page::blocks(wrong)));
        assert!(played.is_err(), "{wrong}");
    }
    play("a page", &page::blocks("```console\n$ false\n$ echo $?\n1\n```\n"));
}
