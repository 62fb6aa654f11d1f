//! `flowform runs`: what the managed pipelines have done, newest first, once or again and again. Only reads.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::exit::{Failure, Status};
use super::failed::Reader;
use super::output::{Output, shows_on_terminal};
use super::progress;
use super::session::Session;
use super::settings::PlatformArguments;
use super::signals::Resizes;
use super::span::{Since, span};
use crate::kind::{Address, Kind, Run};
use crate::observe;
use crate::render;
use crate::secret::Redactor;
use crate::state::model::State;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only the runs of these pipelines
    #[arg(value_name = "PIPELINE")]
    pipelines: Vec<String>,

    /// Only runs that began since then: an RFC 3339 time, a date (in UTC), or a span such as 6h or 2d
    #[arg(long, value_name = "WHEN", value_parser = Since::parse, allow_hyphen_values = true)]
    since: Option<Since>,

    /// At most so many, the newest [default: 20; 1000 with --since]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: Option<u16>,

    /// How to show them
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    /// Look again and again until Ctrl-C; where stdout is no terminal, they are shown when something changed
    #[arg(long)]
    watch: bool,

    /// How long to wait before looking again, at least a second
    #[arg(long, value_name = "SPAN", default_value = "15s", value_parser = interval, requires = "watch")]
    interval: Duration,

    #[command(flatten)]
    platform: PlatformArguments,
}

/// How to show a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One JSON object (docs/json.md)
    Json,
}

impl Arguments {
    /// Who reads what is printed.
    pub(crate) fn reader(&self) -> Reader {
        match self.format {
            Format::Json if self.watch => Reader::Lines,
            format => format.into(),
        }
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    span(text).and_then(|span| {
        if span >= Duration::from_secs(1) { Ok(span) } else { Err("at least a second".to_owned()) }
    })
}

pub(crate) async fn run(
    arguments: Arguments,
    output: &Output,
    redactor: &Redactor,
) -> Result<Status, Failure> {
    let (session, state) = Session::open_managed(&arguments.platform, redactor, output).await?;
    let running = running(&state, &arguments.pipelines)?;
    if !arguments.watch {
        let spinner = progress::spinner(output, "Reading the runs");
        let seen = session.interrupt.unless_interrupted(look(&session, &running, &arguments)).await??;
        drop(spinner);
        output.data(&seen.shown(&arguments, output));
        session.close().await;
        return Ok(Status::Success);
    }
    let on_terminal = arguments.format == Format::Text && shows_on_terminal();
    let mut stop = session.interrupt.receiver();
    let mut resizes = Resizes::listen();
    let mut before = String::new();
    // Ctrl-C is how a watch ends, and no failure.
    'watch: while let Ok(seen) =
        session.interrupt.unless_interrupted(look(&session, &running, &arguments)).await
    {
        let seen = seen?;
        let pause = tokio::time::sleep(arguments.interval);
        tokio::pin!(pause);
        loop {
            let shown = seen.shown(&arguments, output);
            if on_terminal {
                output.redraw(&shown);
            } else if shown != before {
                output.data(&shown);
            }
            before = shown;
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break 'watch,
                () = &mut pause => break,
                () = resizes.next(), if on_terminal => {}
                () = until_gone(output) => break 'watch,
            }
        }
    }
    session.close().await;
    Ok(Status::Success)
}

/// Ends when nobody is left to show anything to.
async fn until_gone(output: &Output) {
    while !output.is_gone() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// What was seen of the runs.
struct Seen {
    /// Newest first.
    runs: Vec<(Address, Run)>,
    /// Whether there are older ones.
    more: bool,
}

impl Seen {
    /// As it is to be shown, on a terminal of the size that it has now.
    fn shown(&self, arguments: &Arguments, output: &Output) -> String {
        match arguments.format {
            Format::Text => {
                let height = Output::height().filter(|_| arguments.watch);
                render::runs::runs(&self.runs, self.more, &output.style(), height)
            }
            Format::Json => {
                let document = render::json::runs(&self.runs, self.more);
                if arguments.watch {
                    render::json::to_line(&document)
                } else {
                    render::json::to_string(&document)
                }
            }
        }
    }
}

/// The objects of a state that run, by id; of these pipelines, if any are named.
fn running(state: &State, named: &[String]) -> Result<BTreeMap<String, Address>, Failure> {
    let known: BTreeSet<&str> = state.entries.keys().map(|address| address.pipeline.as_str()).collect();
    // Other commands name objects, and the one that runs stands for its pipeline.
    let pipeline = |name: &String| match name.parse::<Address>() {
        Ok(address) if !known.contains(name.as_str()) && address.kind.spec().runs().is_some() => {
            address.pipeline
        }
        _ => name.clone(),
    };
    let pipelines: Vec<String> = named.iter().map(pipeline).collect();
    let unknown: Vec<&str> =
        pipelines.iter().map(String::as_str).filter(|name| !known.contains(name)).collect();
    if !unknown.is_empty() {
        return Err(Failure::usage(format!("the state has no pipeline {}", unknown.join(", ")))
            .hint("`flowform status` shows those that it has"));
    }
    let wanted = |address: &Address| pipelines.is_empty() || pipelines.contains(&address.pipeline);
    let entries = state.entries.iter().filter(|(address, _)| address.kind.spec().runs().is_some());
    Ok(entries
        .filter(|(address, _)| wanted(address))
        .map(|(address, entry)| (entry.id.clone(), address.clone()))
        .collect())
}

/// Reads the runs.
async fn look(
    session: &Session,
    running: &BTreeMap<String, Address>,
    arguments: &Arguments,
) -> Result<Seen, Failure> {
    let since = match arguments.since {
        Some(since) => Some(since.millis(session.now_told().await)),
        None => None,
    };
    let limit = arguments.limit.map_or(if since.is_some() { 1000 } else { 20 }, usize::from);
    let mut runs: Vec<(Address, Run)> = Vec::new();
    let mut more = false;
    for kind in Kind::ALL {
        let ids: Vec<String> =
            running.iter().filter(|(_, address)| address.kind == kind).map(|(id, _)| id.clone()).collect();
        if !ids.is_empty() {
            let found = observe::runs::of(&session.client, kind, &ids, since, limit).await?;
            more |= found.more;
            runs.extend(found.runs.into_iter().filter_map(|run| Some((running.get(&run.of)?.clone(), run))));
        }
    }
    runs.sort_by(|(a, one), (b, other)| {
        other.when().cmp(&one.when()).then_with(|| a.cmp(b)).then_with(|| one.id.cmp(&other.id))
    });
    Ok(Seen { runs, more })
}
