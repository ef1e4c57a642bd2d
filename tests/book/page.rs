//! A page of the documentation, as what a reader would do with it: in comes Markdown, out go its blocks in their order.
//!
//! | in the page | is |
//! |---|---|
//! | ` ```sh ` | commands; each has to succeed |
//! | ` ```console ` | commands behind `$ `, each with all that it prints; `^C` ends one that runs on |
//! | ` ```toml file=rowkind.toml ` (any language) | a file that the reader writes |
//! | ` ```sh norun ` | commands that cannot run here: in the list of `main.rs` |
//! | `<!-- sh … -->` | commands that bring about what the page takes for granted |
//! | `<!-- topic NAME -->`, `<!-- records FILE -->` | a topic, or the recorded records of a file in their topics |

/// A block, and the line of the page it begins at.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) line: usize,
    pub(crate) what: What,
}

#[derive(Debug, PartialEq)]
pub(crate) enum What {
    Sh(String),
    Console(Vec<Command>),
    File {
        name: String,
        text: String,
    },
    NoRun(String),
    Topic(String),
    Records(String),
    /// Something to read, in this language.
    Other {
        language: String,
        text: String,
    },
}

/// A command of a terminal, and what it prints.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Command {
    pub(crate) text: String,
    pub(crate) output: String,
    /// What it has printed when the reader ends it by Ctrl-C.
    pub(crate) interrupted_at: Option<String>,
}

/// The blocks of a page.
pub(crate) fn blocks(markdown: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = markdown.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let (start, indent) = (line.trim_start(), line.len() - line.trim_start().len());
        let what = if let Some(info) = start.strip_prefix("```") {
            let text = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```");
            let text: String = text.flat_map(|line| [line.get(indent..).unwrap_or("").trim_end(), "\n"]).collect();
            fenced(info, text)
        } else if let Some(directive) = start.strip_prefix("<!-- ") {
            let mut text = format!("{directive}\n");
            while !text.contains("-->") {
                text.push_str(lines.next().expect("a comment has an end").1);
                text.push('\n');
            }
            let (text, _) = text.split_once("-->").expect("it was looked for");
            let Some(what) = directed(text) else { continue };
            what
        } else {
            continue;
        };
        found.push(Block { line: index + 1, what });
    }
    found
}

fn fenced(info: &str, text: String) -> What {
    let mut words = info.split_whitespace();
    let language = words.next().unwrap_or_default().to_owned();
    match (language.as_str(), words.next()) {
        ("sh", Some("norun")) => What::NoRun(text),
        (_, Some(word)) if word.starts_with("file=") => What::File { name: word["file=".len()..].to_owned(), text },
        (_, Some(word)) => panic!("`{word}` is none of the words of a block"),
        ("sh", None) => What::Sh(text),
        ("console", None) => What::Console(commands(&text)),
        _ => What::Other { language, text },
    }
}

fn directed(text: &str) -> Option<What> {
    let (word, rest) = text.split_once(|c: char| c.is_whitespace())?;
    let rest = rest.trim();
    match word {
        "sh" => Some(What::Sh(format!("{rest}\n"))),
        "topic" => Some(What::Topic(rest.to_owned())),
        "records" => Some(What::Records(rest.to_owned())),
        // what other tests look for
        _ => None,
    }
}

fn commands(text: &str) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        if let Some(typed) = line.strip_prefix("$ ") {
            commands.push(Command { text: format!("{typed}\n"), ..Command::default() });
            goes_on = typed.ends_with('\\');
            continue;
        }
        let command = commands.last_mut().expect("a console begins with `$ `");
        if goes_on {
            command.text.push_str(line);
            command.text.push('\n');
            goes_on = line.ends_with('\\');
        } else if line == "^C" {
            command.interrupted_at = Some(command.output.clone());
        } else {
            command.output.push_str(line);
            command.output.push('\n');
        }
    }
    commands
}

#[test]
fn a_page_is_read_as_a_reader_reads_it() {
    let page = "# Page\n\n   ```toml file=a.toml\n   x = 1\n   ```\n<!-- sh\ntrue\n-->\n```console\n$ a \\\n  b\nc\n$ d\ne\n^C\nf\n```\n```\ne\n```\n";
    let whats: Vec<What> = blocks(page).into_iter().map(|block| block.what).collect();
    let command = |text: &str, output: &str, at: Option<&str>| Command {
        text: text.into(),
        output: output.into(),
        interrupted_at: at.map(Into::into),
    };
    assert_eq!(
        whats,
        [
            What::File { name: "a.toml".into(), text: "x = 1\n".into() },
            What::Sh("true\n".into()),
            What::Console(vec![command("a \\\n  b\n", "c\n", None), command("d\n", "e\nf\n", Some("e\n"))]),
            What::Other { language: String::new(), text: "e\n".into() },
        ]
    );
}
