//! Arguments in, exit code out.

fn main() -> std::process::ExitCode {
    flowform::cli::main()
}
