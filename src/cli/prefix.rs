//! Where this program is installed, and what came with it.

use std::path::{Path, PathBuf};

/// What stands before `bin/leadsync`: `/usr` for the package, `/usr/local` or a place of the operator's for the archive.
pub(super) fn prefix() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|program| before_bin(&program))
        .unwrap_or_else(|| PathBuf::from("/usr"))
}

fn before_bin(program: &Path) -> Option<PathBuf> {
    let folder = program.parent()?;
    folder
        .ends_with("bin")
        .then(|| folder.parent().map(Path::to_owned))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_bin_is_the_prefix_and_a_program_that_was_only_built_has_none() {
        let of = |program: &str| before_bin(Path::new(program));
        assert_eq!(
            of("/opt/leadsync/bin/leadsync"),
            Some(PathBuf::from("/opt/leadsync"))
        );
        assert_eq!(of("/usr/bin/leadsync"), Some(PathBuf::from("/usr")));
        assert_eq!(of("/src/target/debug/leadsync"), None);
    }
}
