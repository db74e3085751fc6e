//! Guesses what the operator meant to write.

/// The word most like `word`, when one is like it at all: about one slip in three letters.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let patience = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(slips, _)| *slips <= patience)
        .min()
        .map(|(_, candidate)| candidate)
}

/// `; did you mean X?`, or nothing.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map_or_else(String::new, |guess| format!("; did you mean `{guess}`?"))
}

/// Letters to insert, drop, change or swap with their neighbour; case and `-`/`_` do not count.
fn distance(left: &str, right: &str) -> usize {
    let (left, right) = (letters(left), letters(right));
    let mut two_back: Vec<usize> = Vec::new();
    let mut back: Vec<usize> = (0..=right.len()).collect();
    for (row, a) in left.iter().enumerate() {
        let mut line = vec![row + 1];
        for (column, b) in right.iter().enumerate() {
            let mut best = (back[column] + usize::from(a != b))
                .min(back[column + 1] + 1)
                .min(line[column] + 1);
            if row > 0 && column > 0 && *a == right[column - 1] && left[row - 1] == *b {
                best = best.min(two_back[column - 1] + 1);
            }
            line.push(best);
        }
        two_back = std::mem::replace(&mut back, line);
    }
    back[right.len()]
}

fn letters(word: &str) -> Vec<char> {
    word.to_lowercase()
        .chars()
        .map(|c| if c == '-' { '_' } else { c })
        .take(128)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn a_slip_of_the_finger_finds_its_word() {
        let known = ["state_dir", "listen", "intake", "sources"];
        for (word, meant) in [
            ("statedir", Some("state_dir")),
            ("lisen", Some("listen")),
            ("soruces", Some("sources")),
            ("State-Dir", Some("state_dir")),
            ("banana", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
    }

    #[test]
    fn swapped_neighbours_count_as_one_slip() {
        assert_eq!(distance("emial", "email"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
    }
}
