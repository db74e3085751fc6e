//! All mistakes of one load, for a person or a program.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use connector_kit::ConfigError;
use miette::{GraphicalReportHandler, LabeledSpan, MietteDiagnostic, NamedSource, Report};
use serde::{Deserialize, Serialize};

use super::document::Document;
use super::wording::{reword, unknown_key};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mistake {
    /// The file, or the environment variable as `$NAME`.
    pub file: PathBuf,
    /// From 1; 0 where there are no lines.
    pub line: usize,
    /// From 1, in characters; 0 where there are no lines.
    pub column: usize,
    /// Dotted key; empty when it concerns the whole file.
    pub key: String,
    /// What is wrong and what would be right; never a secret.
    pub message: String,
    /// The word that was probably meant.
    pub did_you_mean: Option<String>,
    /// The text around it, unless it may hold a secret, and the bytes to point at.
    #[serde(skip)]
    snippet: Option<(Arc<str>, usize, usize)>,
}

/// Everything that is wrong; at least one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics(Vec<Mistake>);

impl Mistake {
    /// A mistake at its key in a file.
    ///
    /// A reader may know only that an unknown key stands somewhere below: then it is looked for.
    pub(super) fn at_key(document: &Document, error: &ConfigError) -> Self {
        let ends_there = |word: &str| error.key.rsplit('.').next() == Some(word);
        let below = unknown_key(&error.message)
            .filter(|word| !ends_there(word))
            .and_then(|word| document.locate_below(&error.key, word));
        let (key, place) = below.unwrap_or_else(|| (error.key.clone(), document.locate(&error.key)));
        Self::at(document, place, &key, &error.message)
    }

    /// A mistake at some bytes of a file.
    pub(super) fn at(document: &Document, span: std::ops::Range<usize>, key: &str, message: &str) -> Self {
        let (line, column) = document.position(span.start);
        let (message, did_you_mean) = reword(message);
        let snippet = (Arc::clone(document.text()), span.start, span.len());
        Self {
            file: document.path().to_owned(),
            line,
            column,
            key: key.to_owned(),
            message,
            did_you_mean,
            snippet: Some(snippet).filter(|_| !may_hold_a_secret(document, line, key)),
        }
    }

    /// A mistake without a place in a text: a file that cannot be read, a variable.
    pub(super) fn of(file: impl AsRef<Path>, key: &str, message: &str) -> Self {
        let (message, did_you_mean) = reword(message);
        Self {
            file: file.as_ref().to_owned(),
            line: 0,
            column: 0,
            key: key.to_owned(),
            message,
            did_you_mean,
            snippet: None,
        }
    }

    /// `file:line:column: key: message`, without the guess.
    pub fn place_and_message(&self) -> String {
        let plain = Self {
            did_you_mean: None,
            snippet: None,
            ..self.clone()
        };
        plain.to_string()
    }

    fn fancy(&self) -> Report {
        let mut diagnostic = MietteDiagnostic::new(self.to_string());
        if let Some(guess) = &self.did_you_mean {
            diagnostic = diagnostic.with_help(format!("write `{guess}`"));
        }
        match &self.snippet {
            Some((text, start, length)) => {
                let label = LabeledSpan::at(*start..start + (*length).max(1), "here");
                let name = self.file.display().to_string();
                Report::new(diagnostic.with_label(label))
                    .with_source_code(NamedSource::new(name, Arc::clone(text)))
            }
            None => Report::new(diagnostic),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)?;
        match &self.did_you_mean {
            Some(guess) => write!(f, "; did you mean `{guess}`?"),
            None => Ok(()),
        }
    }
}

impl Diagnostics {
    /// File by file in the order given, each from top to bottom. None when nothing is wrong.
    pub fn new(mut mistakes: Vec<Mistake>) -> Option<Self> {
        let mut files: Vec<PathBuf> = Vec::new();
        for mistake in &mistakes {
            if !files.contains(&mistake.file) {
                files.push(mistake.file.clone());
            }
        }
        mistakes.sort_by_key(|mistake| {
            let file = files.iter().position(|file| *file == mistake.file);
            (file, mistake.line, mistake.column)
        });
        Some(Self(mistakes)).filter(|found| !found.0.is_empty())
    }

    /// One thing is wrong.
    pub fn one(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }

    /// What is wrong, file by file.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.0
    }

    /// For a terminal: each mistake with the lines around it.
    pub fn fancy(&self) -> String {
        let handler = GraphicalReportHandler::new();
        let mut text = String::new();
        for mistake in &self.0 {
            // Writing into a string fails only when the renderer does; the plain line says it all.
            if handler
                .render_report(&mut text, mistake.fancy().as_ref())
                .is_err()
            {
                text.extend([&mistake.to_string(), "\n"]);
            }
        }
        text
    }

    /// For programs: an array of objects.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!(self.0)
    }
}

/// One line per mistake: `file:line:column: key: message; did you mean X?`
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            let line_end = if index == 0 { "" } else { "\n" };
            write!(f, "{line_end}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// A secret written into the config by mistake must not be printed with the lines around it.
fn may_hold_a_secret(document: &Document, line: usize, key: &str) -> bool {
    let around = document.text().lines().skip(line.saturating_sub(3)).take(6);
    let hot = [
        "secret",
        "password",
        "token",
        "key",
        "signature",
        "sig=",
        "connection",
    ];
    around.chain([key]).any(|text| {
        let text = text.to_ascii_lowercase();
        hot.iter().any(|word| text.contains(word))
    })
}
