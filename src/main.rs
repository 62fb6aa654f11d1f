//! Scratch entry point: `flowform PORT [STORE] [KEY=VALUE...]` starts the emulator.
#![allow(clippy::print_stdout)]
use flowform::emulator::{Behaviour, Options, start};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let port = args.first().and_then(|port| port.parse().ok()).unwrap_or(0);
    let store = args.get(1).filter(|path| !path.is_empty()).map(Into::into);
    let behaviour = Behaviour::parse(args.iter().skip(2).map(String::as_str)).unwrap_or_default();
    let Ok(runtime) = tokio::runtime::Runtime::new() else { return };
    runtime.block_on(async {
        if let Ok(handle) = start(Options { port, store, behaviour, ..Options::default() }).await {
            println!("{}", handle.url());
            std::future::pending::<()>().await;
        }
    });
}
