//! How the demo looks on this screen.

/// How it looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// JSON lines instead of sentences.
    pub(super) json: bool,
    /// Nothing but the summary.
    pub(super) summary_only: bool,
    /// Colours.
    pub(super) colours: bool,
}

/// What a colour says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Colour {
    /// Nothing.
    Plain,
    /// It is done.
    Green,
    /// Look here.
    Yellow,
    /// A person should act.
    Red,
    /// It may be overlooked.
    Dim,
}

impl Look {
    /// The text in this colour, where there are colours.
    pub(super) fn paint(self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Plain => return text.to_owned(),
            Colour::Green => 32,
            Colour::Yellow => 33,
            Colour::Red => 31,
            Colour::Dim => 2,
        };
        if self.colours {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}
