//! Columns that line up.

use super::screen::{self, Colour};

/// A table for people: headings, rows, and as much room as each column needs.
pub(super) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Row>,
}

#[derive(Default)]
struct Row {
    cells: Vec<String>,
    painted: Option<(usize, Colour)>,
}

impl Table {
    /// An empty table.
    pub(super) fn new(headings: &[&'static str]) -> Self {
        Self {
            headings: headings.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; foreign text is cleaned here.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(Row {
            cells: cells.into_iter().map(|cell| screen::clean(&cell)).collect(),
            painted: None,
        });
    }

    /// Paints one cell of the row added last, on a terminal.
    pub(super) fn paint(&mut self, column: usize, colour: Colour) {
        if let Some(row) = self.rows.last_mut() {
            row.painted = Some((column, colour));
        }
    }

    /// Prints it.
    pub(super) fn print(&self) {
        let widths = self.widths();
        let headings = Row {
            cells: self.headings.iter().map(ToString::to_string).collect(),
            painted: None,
        };
        for row in std::iter::once(&headings).chain(&self.rows) {
            screen::line(aligned(row, &widths));
        }
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self
            .headings
            .iter()
            .map(|heading| heading.chars().count())
            .collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(&row.cells) {
                *width = (*width).max(cell.chars().count());
            }
        }
        widths
    }
}

fn aligned(row: &Row, widths: &[usize]) -> String {
    let cells = row.cells.iter().zip(widths).enumerate();
    let padded = cells.map(|(place, (cell, width))| {
        let padded = format!("{cell:<width$}");
        match row.painted {
            // The colour ends with the word, so that the padding can be cut off at the end of the line.
            Some((painted, colour)) if painted == place => padded.replacen(cell, &colour.over(cell), 1),
            _ => padded,
        }
    });
    padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}
