//! `leadsync man`: the manual pages, made from the same words as `--help` and the commented config.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;

use super::{Cli, Exit};

/// Every setting with its default and its meaning.
const COMMENTED_CONFIG: &str = include_str!("../../config/leadsync.toml");

/// Where the pages go.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Write all pages into this directory: leadsync.1, one for each command, leadsync.toml.5
    #[arg(long, value_name = "PATH")]
    dir: Option<PathBuf>,
}

/// Prints the page of the program, or writes all pages.
pub(super) fn man(args: &ManArgs) -> Result<(), Exit> {
    let mut program = without_help(Cli::command());
    program.build();
    let Some(directory) = &args.dir else {
        // A closed pipe is nobody's fault.
        let _ = std::io::stdout().lock().write_all(&page(&program)?);
        return Ok(());
    };
    std::fs::create_dir_all(directory)?;
    write_pages(&program, directory)?;
    std::fs::write(directory.join("leadsync.toml.5"), config_page())?;
    Ok(())
}

/// Nobody looks for the manual of `help`.
fn without_help(command: Command) -> Command {
    command
        .disable_help_subcommand(true)
        .mut_subcommands(without_help)
}

fn write_pages(command: &Command, directory: &Path) -> std::io::Result<()> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    std::fs::write(directory.join(format!("{name}.1")), page(command)?)?;
    command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .try_for_each(|inner| write_pages(inner, directory))
}

fn page(command: &Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let name = command.get_display_name().unwrap_or(command.get_name());
    Man::new(command.clone())
        .title(name.to_uppercase())
        .manual("leadsync")
        // No date: the same program makes the same page.
        .date("")
        .render(&mut page)?;
    Ok(page)
}

fn config_page() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut page = format!(
        ".TH LEADSYNC.TOML 5 \"\" \"leadsync {version}\" leadsync\n\
         .SH NAME\nleadsync.toml \\- configuration of leadsync\n\
         .SH SYNOPSIS\n.I /etc/leadsync/leadsync.toml\n\
         .SH DESCRIPTION\nEvery setting with its default. One file more for each destination or source lies in\n\
         .IR /etc/leadsync/connectors.d .\n\
         .B leadsync check\nfinds mistakes in them.\n.PP\n.nf\n"
    );
    for line in COMMENTED_CONFIG.lines() {
        let _ = writeln!(page, "{}", as_text(line));
    }
    page.push_str(".fi\n.SH SEE ALSO\n.BR leadsync (1)\n");
    page
}

/// A line that troff prints as it is.
fn as_text(line: &str) -> String {
    let escaped = line
        .replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('\'', "\\(aq");
    match escaped.strip_prefix('.') {
        Some(rest) => format!("\\&.{rest}"),
        None => escaped,
    }
}

#[cfg(test)]
mod tests {
    use super::{COMMENTED_CONFIG, as_text, config_page};

    #[test]
    fn no_line_of_the_config_is_taken_for_an_order_to_the_typesetter() {
        assert_eq!(as_text(".SH no heading"), "\\&.SH no heading");
        assert_eq!(as_text("a 'b' \\ c-d"), "a \\(aqb\\(aq \\e c\\-d");
        let page = config_page();
        let body = page.split_once(".nf\n").unwrap().1.split_once("\n.fi").unwrap().0;
        assert_eq!(body.lines().count(), COMMENTED_CONFIG.lines().count());
        assert!(body.lines().all(|line| !line.starts_with(['.', '\''])));
    }
}
