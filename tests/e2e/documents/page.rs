//! A page of the documentation, read as somebody who follows it: files to write, commands to type.

use std::path::Path;

/// A fenced block and what stands before it for whoever rehearses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    /// Line of its first command, from 1.
    pub(super) line: usize,
    /// `sh`, `toml`, `text`, ..
    pub(super) language: String,
    /// What stands in it.
    pub(super) text: String,
    /// `<!-- file: PATH -->`: the text belongs into this file.
    pub(super) file: Option<String>,
    /// `<!-- not run: WHY -->`: it cannot be rehearsed.
    pub(super) not_run: Option<String>,
    /// `<!-- exits: CODE -->`: it ends with this instead of 0.
    pub(super) exits: i32,
    /// `<!-- runs on -->`: it does not end by itself; it is ended when it has run for a moment.
    pub(super) runs_on: bool,
    /// `<!-- types: TEXT -->`: what the reader types or pastes when asked.
    pub(super) typed: String,
    /// `<!-- reader: COMMAND -->`: what the reader does by other means before, as shell.
    pub(super) deeds: Vec<String>,
    /// `<!-- word: NAME = EXPRESSION -->`: NAME in the commands stands for what the shell makes of EXPRESSION.
    pub(super) words: Vec<(String, String)>,
}

/// A page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// `<!-- world: NAME -->`: what is there when its reader begins; `installed` when it says nothing.
    pub(super) world: String,
    pub(super) blocks: Vec<Block>,
    /// Every `leadsync ..` in running text, with its line.
    pub(super) mentioned: Vec<(usize, String)>,
}

impl Page {
    pub(super) fn read(path: &Path) -> Self {
        Self::parse(
            &std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        )
    }

    pub(super) fn parse(text: &str) -> Self {
        let mut page = Self {
            world: "installed".to_owned(),
            ..Self::default()
        };
        let mut coming = Block::default();
        let mut open: Option<(Block, &str)> = None;
        for (number, line) in (1..).zip(text.lines()) {
            let bare = line.trim();
            if let Some((mut block, fence)) = open.take() {
                if bare == fence {
                    page.blocks.push(block);
                } else {
                    block.text.extend([line, "\n"]);
                    open = Some((block, fence));
                }
            } else if let Some(language) = bare.strip_prefix("```") {
                let begun = Block {
                    line: number + 1,
                    language: language.to_owned(),
                    ..std::mem::take(&mut coming)
                };
                open = Some((begun, "```"));
            } else if let Some(said) = bare
                .strip_prefix("<!-- ")
                .and_then(|rest| rest.strip_suffix(" -->"))
            {
                page.heed(&mut coming, said);
            } else if !bare.is_empty() {
                coming = Block::default();
                page.mentioned
                    .extend(mentioned(line).map(|command| (number, command)));
            }
        }
        assert!(open.is_none(), "a block does not end");
        page
    }

    fn heed(&mut self, block: &mut Block, said: &str) {
        let (key, value) = said.split_once(": ").unwrap_or((said, ""));
        let value = value.trim().to_owned();
        match key {
            "world" => self.world = value,
            "file" => block.file = Some(value),
            "not run" => block.not_run = Some(value),
            "exits" => block.exits = value.parse().unwrap(),
            "runs on" => block.runs_on = true,
            "types" => block.typed = value,
            "reader" => block.deeds.push(value),
            "word" => {
                let (name, expression) = value.split_once('=').unwrap();
                block
                    .words
                    .push((name.trim().to_owned(), expression.trim().to_owned()));
            }
            // Comments of another kind.
            _ => {}
        }
    }

    /// Blocks a reader types.
    pub(super) fn commands(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(|block| block.language == "sh")
    }
}

/// What stands between single backquotes and begins with the program's name and a word.
fn mentioned(line: &str) -> impl Iterator<Item = String> {
    let spans = line.split('`').skip(1).step_by(2);
    spans
        .filter(|span| span.starts_with("leadsync ") && !span.contains('$'))
        .map(str::to_owned)
        .collect::<Vec<_>>()
        .into_iter()
}

#[test]
fn a_page_is_read_with_what_concerns_a_rehearsal() {
    let text = "<!-- world: bare -->\nSee `leadsync status` and `leadsync`.\n\n<!-- file: /etc/x.toml -->\n```toml\na = 1\n```\n\
                <!-- word: LEAD = $(newest) -->\n<!-- exits: 78 -->\n\n```sh\n  x LEAD\n\n```\nand\n```text\n# not this\n```\n\
                <!-- not run: needs a cluster -->\n```sh\ny\n```";
    let page = Page::parse(text);
    assert_eq!(page.world, "bare");
    assert_eq!(page.mentioned, [(2, "leadsync status".to_owned())]);
    assert_eq!(page.blocks[0].file.as_deref(), Some("/etc/x.toml"));
    let commands: Vec<&Block> = page.commands().collect();
    assert_eq!(
        (commands[0].line, commands[0].text.as_str(), commands[0].exits),
        (12, "  x LEAD\n\n", 78)
    );
    assert_eq!(commands[0].words, [("LEAD".to_owned(), "$(newest)".to_owned())]);
    assert_eq!(commands[1].not_run.as_deref(), Some("needs a cluster"));
}
