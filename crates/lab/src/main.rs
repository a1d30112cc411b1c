//! The program `lab`.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab::main(std::env::args_os()).into()
}
