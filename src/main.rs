//! The leadsync program: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    leadsync::cli::main()
}
