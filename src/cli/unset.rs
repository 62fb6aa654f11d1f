//! An empty value counts as unset, for every flag that an environment variable can stand for, and for that variable.
//!
//! A CI system hands in an empty text for a variable or an input that it does not have. Knows no flag by name.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::builder::Resettable;
use clap::{ArgMatches, Command};

use super::is_empty_variable;

/// Reads the command line of this process, and the environment, by the rules of `command`.
pub(super) fn matches(command: Command) -> Result<ArgMatches, clap::Error> {
    let mut flags = BTreeSet::new();
    add_flags(&command, &mut flags);
    let arguments = without_empty_flags(std::env::args_os(), &flags);
    let matches = without_empty_variables(command.clone()).try_get_matches_from(&arguments);
    match matches {
        // The help names every variable, also one that is empty now.
        Err(answer) if !answer.use_stderr() => command.try_get_matches_from(&arguments),
        matches => matches,
    }
}

/// The flags that a variable can stand for, as they are typed.
fn add_flags(command: &Command, flags: &mut BTreeSet<OsString>) {
    let with_variable = command.get_arguments().filter(|argument| argument.get_env().is_some());
    flags.extend(with_variable.filter_map(|argument| Some(format!("--{}", argument.get_long()?).into())));
    for command in command.get_subcommands() {
        add_flags(command, flags);
    }
}

/// The command without the variables that are empty.
fn without_empty_variables(command: Command) -> Command {
    let command = command.mut_args(|argument| {
        if argument.get_env().is_some_and(is_empty_variable) {
            argument.env(Resettable::Reset)
        } else {
            argument
        }
    });
    command.mut_subcommands(without_empty_variables)
}

/// The command line without `--flag ""` and `--flag=`, up to `--`.
fn without_empty_flags(
    arguments: impl Iterator<Item = OsString>,
    flags: &BTreeSet<OsString>,
) -> Vec<OsString> {
    let mut kept: Vec<OsString> = Vec::new();
    let mut is_over = false;
    for argument in arguments {
        is_over |= argument == "--";
        let is_value =
            !is_over && argument.is_empty() && kept.last().is_some_and(|last| flags.contains(last));
        if is_value {
            kept.pop();
            continue;
        }
        let is_empty_flag = !is_over
            && argument
                .to_str()
                .and_then(|text| text.strip_suffix('='))
                .is_some_and(|flag| flags.contains(&OsString::from(flag)));
        if !is_empty_flag {
            kept.push(argument);
        }
    }
    kept
}
